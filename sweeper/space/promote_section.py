"""The `promote` section of a space file: the model's name in Ollama, its form, and what it must reach."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.ollama_terms import OllamaParameters, check_ollama_name
from sweeper.space.promote_settings import QUANTIZATIONS, Form, GateSettings, Quantization
from sweeper.space.space import PromoteSettings
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown
from sweeper.space.yaml_file import FileModel

_GATE = GateSettings()


def _not_blank(text: str) -> str:
    if text.strip():
        return text
    raise BrokenRule(f"is {shown(text)}, must not be empty", "Write a text or remove the line")


def read_quantizations(raw: Any) -> tuple[Quantization, ...]:
    """One name or a list of names, each once, in any case. Raises BrokenRule."""
    names = raw if isinstance(raw, (list, tuple)) else [raw]
    if not names:
        raise BrokenRule(f"is {shown(raw)}, must name one or more", "Write for example [f16, q8_0]")
    found: list[Quantization] = []
    for place, name in enumerate(names):
        at = (place,) if isinstance(raw, list) else ()
        known = next((known for known in QUANTIZATIONS if known.lower() == str(name).lower()), None)
        if known is None:
            problem = f"is {shown(name)}, must be one of {', '.join(QUANTIZATIONS)}"
            raise BrokenRule(problem, did_you_mean(str(name), QUANTIZATIONS, "Take one of them"), at)
        if known in found:
            raise BrokenRule(f"is {known} again", "Remove one of the two", at)
        found.append(known)
    return tuple(found)


class GateSection(FileModel):
    min_gain: float = Field(default=_GATE.min_gain, ge=-1, le=1, examples=["0"])
    max_guard_loss: float = Field(default=_GATE.max_guard_loss, gt=0, le=1, examples=["0.1"])
    max_quantization_loss: float = Field(default=_GATE.max_quantization_loss, ge=0, le=1, examples=["0.05"])
    min_agreement: float = Field(default=_GATE.min_agreement, ge=0, le=1, examples=["0.5"])


class PromoteSection(FileModel):
    name: Annotated[str, AfterValidator(check_ollama_name)] | None = Field(
        default=None, examples=["my-model"]
    )
    auto: bool = Field(default=False, examples=["true"])
    form: Form = Field(default="merged", examples=["adapter"])
    quantization: Annotated[
        tuple[Quantization, ...],
        BeforeValidator(
            read_quantizations,
            json_schema_input_type=Quantization | Annotated[list[Quantization], Field(min_length=1)],
        ),
    ] = Field(default=("f16",), examples=["q8_0"])
    parameters: OllamaParameters = Field(default_factory=OllamaParameters, examples=["{num_ctx: 4096}"])
    system: Annotated[str, AfterValidator(_not_blank)] | None = Field(
        default=None, examples=["You are brief."]
    )
    license: Annotated[str, AfterValidator(_not_blank)] | None = Field(default=None, examples=["Apache-2.0"])
    host: Annotated[str, AfterValidator(_not_blank)] | None = Field(
        default=None, examples=["127.0.0.1:11434"]
    )
    gate: GateSection = Field(default_factory=GateSection, examples=["{min_gain: 0}"])

    def settings(self, sweep_name: str) -> PromoteSettings:
        """What the rest of sweeper sees of the section."""
        return PromoteSettings(
            name=self.name or sweep_name,
            parameters=self.parameters.model_dump(exclude_none=True),
            system=self.system,
            quantization=self.quantization,
            license=self.license,
            host=self.host,
            gate=GateSettings(**self.gate.model_dump()),
            auto=self.auto,
            form=self.form,
        )
