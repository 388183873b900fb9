"""The space file as it may be written. `load_space` makes a Space of it."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from sweeper.space.baseline import read_entry
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.data_section import DataSection
from sweeper.space.evaluation_section import EvaluationSection
from sweeper.space.limits_section import LimitsSection
from sweeper.space.model_section import ModelSection
from sweeper.space.ollama_terms import check_ollama_name
from sweeper.space.parameters import Constant, Parameter
from sweeper.space.promote_section import PromoteSection
from sweeper.space.read_expression import read_condition
from sweeper.space.read_parameter import read_parameter
from sweeper.space.rules import PAIR
from sweeper.space.search_section import SearchSection
from sweeper.space.wording import shown
from sweeper.space.workers_section import WorkersSection
from sweeper.space.yaml_file import FileModel

_MAX_NAME_LENGTH = 100


def _sweep_name(name: str) -> str:
    """A name that serves as a folder, as an Optuna study and as an MLflow experiment."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) and len(name) <= _MAX_NAME_LENGTH:
        return name
    fitting = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:_MAX_NAME_LENGTH] or "my-sweep"
    rule = f"must be 1 to {_MAX_NAME_LENGTH} letters, digits, '.', '_' and '-', the first no '.' or '-'"
    raise BrokenRule(f"is {shown(name)}, {rule}", f"Write for example `name: {fitting}`")


class ParametersSection(FileModel):
    """The fields of TrialConfig; None where the file does not name one."""

    learning_rate: Parameter | None = None
    lora_rank: Parameter | None = None
    lora_alpha: Parameter | None = None
    target_modules: Parameter | None = None
    effective_batch_size: Parameter | None = None
    max_seq_length: Parameter | None = None
    num_train_epochs: Parameter | None = None
    max_steps: Parameter | None = None
    warmup_steps: Parameter | None = None
    weight_decay: Parameter | None = None
    max_grad_norm: Parameter | None = None
    lr_scheduler_type: Parameter | None = None
    lora_dropout: Parameter | None = None
    use_rslora: Parameter | None = None
    optim: Parameter | None = None
    gradient_checkpointing: Parameter | None = None
    per_device_train_batch_size: Parameter | None = None
    gradient_accumulation_steps: Parameter | None = None
    save_steps: Parameter | None = None
    logging_steps: Parameter | None = None
    eval_steps: Parameter | None = None

    @field_validator("*", mode="plain")
    @classmethod
    def _read(cls, raw: Any, info: ValidationInfo) -> Parameter:
        assert info.field_name is not None, "pydantic names the field of every field validator"
        return read_parameter(info.field_name, raw)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.num_train_epochs and self.max_steps:
            raise BrokenRule("excludes num_train_epochs", "Keep one of the two", ("max_steps",), at_key=True)
        if self.lr_scheduler_type == Constant("constant") and self.warmup_steps not in (None, Constant(0.0)):
            raise BrokenRule(
                "has no effect where lr_scheduler_type is constant",
                "Remove it, or write `lr_scheduler_type: constant_with_warmup`",
                ("warmup_steps",),
                at_key=True,
            )
        self._check_pair()
        return self

    def _check_pair(self) -> None:
        named = [name for name in PAIR if getattr(self, name)]
        if len(named) == 1:
            missing = next(name for name in PAIR if name not in named)
            fix = f"Add {missing}, or write effective_batch_size alone"
            raise BrokenRule(f"needs {missing} beside it", fix, (named[0],), at_key=True)
        if named and self.effective_batch_size:
            problem = f"excludes {' and '.join(PAIR)}, whose product it is"
            raise BrokenRule(problem, "Keep it or the two", ("effective_batch_size",), at_key=True)


def _constraint(text: str) -> str:
    read_condition(text)
    return text


BaselineEntry = Annotated[dict[str, Any], AfterValidator(read_entry)]


class SpaceFile(FileModel):
    """The whole file."""

    name: Annotated[str, AfterValidator(_sweep_name)] = Field(examples=["my-sweep"])
    model: ModelSection = Field(examples=["{base: org/model}"])
    data: DataSection = Field(examples=["{train: train.jsonl}"])
    parameters: ParametersSection | None = Field(default=None, examples=["{learning_rate: 2e-4}"])
    constraints: list[Annotated[str, AfterValidator(_constraint)]] = Field(
        default=[], examples=['["lora_alpha >= lora_rank"]']
    )
    baseline: list[BaselineEntry] | None = Field(default=None, examples=["[{learning_rate: 2e-4}]"])
    search: SearchSection = Field(default_factory=SearchSection, examples=["{trials: 9}"])
    evaluation: EvaluationSection = Field(examples=["{dev: dev.yaml}"])
    limits: LimitsSection = Field(default_factory=LimitsSection, examples=["{gpu_memory: 24GB}"])
    promote: PromoteSection = Field(default_factory=PromoteSection, examples=["{name: my-model}"])
    workers: WorkersSection = Field(default_factory=WorkersSection, examples=["{processes: 2}"])

    @model_validator(mode="after")
    def _has_validation_rows(self) -> Self:
        if self.data.validation is not None:
            return self
        if self.search.early_stopping is not None:
            problem = "needs data.validation, the rows whose loss it goes by"
            fix = "Add for example `validation: 0.1` under data"
            raise BrokenRule(problem, fix, ("search", "early_stopping"), at_key=True)
        if self.parameters is not None and self.parameters.eval_steps is not None:
            problem, fix = (
                "has no effect without data.validation",
                "Remove it, or add `validation: 0.1` under data",
            )
            raise BrokenRule(problem, fix, ("parameters", "eval_steps"), at_key=True)
        return self

    @model_validator(mode="after")
    def _has_ollama_name(self) -> Self:
        if self.promote.name is None:
            try:
                check_ollama_name(self.name)
            except BrokenRule:
                problem = (
                    "is the model's name in Ollama too, and longer than the 80 characters it allows there"
                )
                raise BrokenRule(problem, "Shorten it, or add `promote: {name: ...}`", ("name",)) from None
        return self
