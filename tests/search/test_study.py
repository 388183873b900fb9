"""Studies on real Optuna and real SQLite: resumed, killed, compared, told twice."""

import dataclasses
import json
import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.errors import InputError, UnavailableError
from sweeper.home import Home
from sweeper.search.sampler import proposal_seed, startup_trials
from sweeper.search.study import Study
from sweeper.space.data_settings import RowFile
from sweeper.space.objective import TARGET_LOSS
from sweeper.space.parameters import Choice, Constant, Range
from sweeper.space.pruner import HALVING, TRAIN_ALL
from sweeper.space.space import SamplerName, Space
from sweeper.space.trial_config import TrialConfig
from tests.search.spaces import make_space
from tests.search.studies import best_of, finished_count, running

THIRDS = dataclasses.replace(HALVING, rungs=(Fraction(1, 3), Fraction(1)))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home" / "mlruns")


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return make_space(tmp_path)


def score_of(config: TrialConfig) -> float:
    """A smooth objective: best at rank 32 and a learning rate of 1e-3."""
    return config.lora_rank / 32 - abs(config.learning_rate - 1e-3) * 100


def search(home: Home, space: Space, restart: bool) -> list[TrialConfig]:
    """A whole search; every fourth trial is pruned, every seventh fails."""
    study = Study(home, space)
    configs: list[TrialConfig] = []
    while finished_count(study) < space.search.trials:
        if restart:
            study = Study(home, space)
        number = len(configs)
        config = study.ask(number)
        configs.append(config)
        if number % 7 == 6:
            study.tell_failed(number, "the worker died")
        elif number % 4 == 3:
            study.tell_pruned(number, "the loss is nan")
        else:
            study.tell_completed(number, score_of(config))
    return configs


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_proposals_are_the_same_over_a_restart_after_each_trial(
    tmp_path: Path, space: Space, sampler: SamplerName
) -> None:
    space = dataclasses.replace(space, search=dataclasses.replace(space.search, sampler=sampler))
    in_one_go = search(Home(tmp_path / "one"), space, restart=False)
    assert search(Home(tmp_path / "many"), space, restart=True) == in_one_go
    assert len({config.learning_rate for config in in_one_go}) == space.search.trials


def test_proposals_depend_on_the_seed_and_on_the_scores(tmp_path: Path, space: Space) -> None:
    configs = search(Home(tmp_path / "a"), space, restart=False)
    other_seed = dataclasses.replace(space, search=dataclasses.replace(space.search, seed=8))
    assert search(Home(tmp_path / "b"), other_seed, restart=False)[0] != configs[0]
    study = Study(Home(tmp_path / "c"), space)
    told_zero = []
    for number in range(space.search.trials):
        told_zero.append(study.ask(number))
        study.tell_completed(number, 0.0)
    random_part = startup_trials(space.search.trials, space.search.pruner.wave)
    assert told_zero[:random_part] == configs[:random_part]
    assert told_zero[random_part:] != configs[random_part:]


@given(st.integers(), st.integers(0, 10_000))
@settings(max_examples=50)
def test_seeds_fit_numpy_and_differ_between_neighbours(seed: int, number: int) -> None:
    assert 0 <= proposal_seed(seed, number) < 2**32
    assert proposal_seed(seed, number) != proposal_seed(seed, number + 1)
    assert proposal_seed(seed, number) != proposal_seed(seed + 1, number)


def test_startup_is_a_third_within_bounds() -> None:
    assert [startup_trials(trials) for trials in (1, 2, 6, 8, 30, 300)] == [1, 1, 2, 2, 10, 10]
    assert [startup_trials(trials, wave=9) for trials in (9, 27, 81)] == [3, 9, 9]


def test_telling_twice_changes_nothing(home: Home, space: Space) -> None:
    study = Study(home, space)
    tells: list[Callable[[int], None]] = [
        lambda number: study.tell_completed(number, 0.5, adapter="trials/0000/adapter"),
        lambda number: study.tell_pruned(number, "diverged"),
        lambda number: study.tell_failed(number, "lost"),
    ]
    for number, tell in enumerate(tells):
        study.ask(number)
        tell(number)
        before = dump(home)
        study.tell_completed(number, 0.9)
        study.tell_pruned(number, "again")
        study.tell_failed(number, "again")
        assert dump(home) == before
    assert [trial.state for trial in study.trials()] == ["complete", "pruned", "failed"]
    assert [trial.value for trial in study.trials()] == [0.5, None, None]
    assert finished_count(study) == 3


def test_rungs_are_kept_as_higher_is_better_and_infeasible_ones_with_what_they_lack(
    home: Home, space: Space
) -> None:
    import optuna

    study = Study(home, space)
    for number in range(3):
        study.ask(number)
    study.tell_completed(0, 0.5, {0: 2.0, 1: 1.0})
    study.tell_pruned(1, "weak", {0: 3.0})
    study.tell_infeasible(2, "lacks 2 GB", 2e9)
    stored = optuna.load_study(study_name=space.name, storage=home.optuna_uri).trials
    assert [trial.intermediate_values for trial in stored] == [{0: -2.0, 1: -1.0}, {0: -3.0}, {}]
    assert [trial.constraints for trial in stored] == [{}, {}, {"memory": 2e9}]
    assert [trial.state for trial in study.trials()] == ["complete", "pruned", "pruned"]


def test_tpe_goes_where_the_rung_values_are_low(home: Home, tmp_path: Path) -> None:
    """All pruned at the first rung: what TPE proposes next shows which way it takes their values."""
    nearer = 0
    for seed in range(12):
        space = make_space(tmp_path, seed=seed, name=f"sweep{seed}", trials=30)
        study = Study(home, space)
        for number in range(20):
            loss = abs(math.log10(study.ask(number).learning_rate / 1e-4))
            study.tell_pruned(number, "weak", {0: loss})
        nearer += abs(math.log10(study.ask(20).learning_rate / 1e-4)) < 0.5  # a half of a range of 2 decades
    assert nearer >= 9


def test_a_trial_asked_again_is_the_same_and_none_is_skipped(home: Home, space: Space) -> None:
    study = Study(home, space)
    first = study.ask(0)
    study.ask(1)
    assert study.ask(0) == first
    assert len(study.trials()) == 2
    with pytest.raises(ValueError, match="trial 3"):
        study.ask(3)


def test_best_is_the_highest_and_of_equal_ones_the_first(home: Home, space: Space) -> None:
    study = Study(home, space)
    assert best_of(study) is None
    for number, value in enumerate((0.25, 0.75, 0.75, None)):
        study.ask(number)
        if value is not None:
            study.tell_completed(number, value)
    best = best_of(study)
    assert best is not None
    assert (best.number, best.value) == (1, 0.75)
    assert best.config == study.trials()[1].config


def test_running_trials_are_found_again_with_their_config(home: Home, space: Space) -> None:
    first = Study(home, space)
    asked = [(0, first.ask(0)), (1, first.ask(1))]
    first.tell_completed(0, 0.5)
    again = Study(home, space)
    assert running(again) == asked[1:]
    again.tell_completed(1, 0.5)
    assert running(again) == []


_KILLED_IN_ASK = """
import os, sys
from pathlib import Path
import sqlalchemy
from tests.search.spaces import make_space
from sweeper.home import Home
from sweeper.search.study import Study

folder, kill_at, statements = Path(sys.argv[1]), int(sys.argv[2]), 0
study = Study(Home(folder / "mlruns"), make_space(folder))

@sqlalchemy.event.listens_for(study._storage.engine, "after_cursor_execute")
def die(*_):
    global statements
    statements += 1
    if statements == kill_at:
        os._exit(9)

study.ask(0)
print(statements)
"""


def kill_in_ask(folder: Path, statement: int) -> subprocess.CompletedProcess[str]:
    """Asks in a process of its own, which dies after the given SQL statement of `ask`."""
    return subprocess.run(
        [sys.executable, "-c", _KILLED_IN_ASK, str(folder), str(statement)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_kill_within_ask_leaves_a_whole_trial_or_none(tmp_path: Path) -> None:
    total = int(kill_in_ask(tmp_path / "counted", -1).stdout)
    whole = running(Study(Home(tmp_path / "counted" / "mlruns"), make_space(tmp_path / "counted")))
    assert len(whole) == 1
    for statement in sorted({1, total // 3, total // 2, total - 1, total}):
        folder = tmp_path / str(statement)
        assert kill_in_ask(folder, statement).returncode == 9
        study = Study(Home(folder / "mlruns"), make_space(folder))
        asked = running(study)
        assert asked in ([], whole)
        assert [(0, study.ask(0))] == whole


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"base": "package:tiny/other.gguf"},
            "model.base was package:tiny/tiny.gguf and is package:",
        ),
        (
            {"parameters": {"lora_rank": Choice((8, 16))}},
            "lora_rank was {values: [8, 16, 32]} and is {",
        ),
        ({"parameters": {"learning_rate": Range(3e-5, 1e-2, True, False)}}, "max: 0.01"),
        ({"parameters": {"weight_decay": Constant(0.1)}}, "parameters.weight_decay was 0.0 and is 0.1"),
        ({"parameters": {"target_modules": Constant(("q_proj",))}}, "and is [q_proj]"),
        ({"seed": 8}, "search.seed was 7 and is 8"),
        ({"sampler": "random"}, "search.sampler was tpe and is random"),
        ({"objective": TARGET_LOSS}, "search.objective was score and is target_loss"),
        ({"pruner": TRAIN_ALL}, "search.pruner.type was halving and is none"),
        ({"pruner": THIRDS}, "search.pruner.rungs was [1/9, 1/3, 1] and is [1/3, 1]"),
    ],
)
def test_a_changed_space_is_refused_with_what_changed(
    home: Home, tmp_path: Path, space: Space, change: dict[str, object], told: str
) -> None:
    Study(home, space).ask(0)
    before = dump(home)
    with pytest.raises(InputError) as caught:
        Study(home, make_space(tmp_path, **change))  # type: ignore[arg-type]
    assert told in caught.value.problem
    assert "new name" in caught.value.fix
    assert "\n" not in str(caught.value)
    assert dump(home) == before


@pytest.mark.parametrize(("file", "key"), [("train.jsonl", "data.train"), ("dev.jsonl", "evaluation.dev")])
def test_changed_data_is_refused_even_under_the_same_name(
    home: Home, tmp_path: Path, space: Space, file: str, key: str
) -> None:
    Study(home, space).ask(0)
    (tmp_path / file).write_text('{"instruction": "other"}\n')
    with pytest.raises(InputError, match=f"the content of {key} changed"):
        Study(home, space)


def test_what_may_change_may_change(home: Home, tmp_path: Path, space: Space) -> None:
    Study(home, space).ask(0)
    moved = (tmp_path / "train.jsonl").rename(tmp_path / "moved.jsonl")
    (tmp_path / "test.jsonl").write_text('{"instruction": "new"}\n')
    search = dataclasses.replace(space.search, trials=50, wall_seconds=60.0)
    promote = dataclasses.replace(space.promote, name="other")
    data = dataclasses.replace(space.data, train=RowFile(moved))
    changed = dataclasses.replace(
        space, data=data, test=tmp_path / "test.jsonl", search=search, promote=promote
    )
    assert len(running(Study(home, changed))) == 1


def test_sweeps_of_one_home_know_nothing_of_each_other(home: Home, tmp_path: Path, space: Space) -> None:
    alone = search(Home(tmp_path / "alone"), space, restart=False)
    search(home, make_space(tmp_path, name="another", trials=3), restart=False)
    assert search(home, space, restart=False) == alone


def test_a_foreign_study_of_the_same_name_is_left_alone(home: Home, space: Space) -> None:
    import optuna

    home.mlruns.mkdir(parents=True)
    foreign = optuna.create_study(storage=home.optuna_uri, study_name=space.name, direction="maximize")
    foreign.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    with pytest.raises(InputError, match="sweeper did not make"):
        Study(home, space)


def test_a_creation_cut_short_is_taken_up(home: Home, space: Space) -> None:
    import optuna

    home.mlruns.mkdir(parents=True)
    optuna.create_study(storage=home.optuna_uri, study_name=space.name, direction="maximize")
    Study(home, space).ask(0)
    assert [number for number, _ in running(Study(home, space))] == [0]


def test_a_file_that_is_no_database_is_told_in_one_line(home: Home, space: Space) -> None:
    home.mlruns.mkdir(parents=True)
    (home.mlruns / "optuna.db").write_text("not a database, " * 100)
    with pytest.raises(UnavailableError) as caught:
        Study(home, space)
    assert "\n" not in str(caught.value)


def test_optuna_says_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.search.spaces import make_space;"
        "from sweeper.home import Home; from sweeper.search.study import Study;"
        "folder = Path(sys.argv[1]); study = Study(Home(folder / 'mlruns'), make_space(folder));"
        "study.ask(0); study.tell_completed(0, 0.5); study.ask(1); study.tell_pruned(1, 'late', {0: 1.5});"
        "study.ask(2); study.tell_infeasible(2, 'no memory', 1e9); study.tell_infeasible(2, 'again', 1e9);"
        "study.ask(3)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout + run.stderr == ""


def dump(home: Home) -> list[str]:
    """Optuna's whole database as text."""
    with sqlite3.connect(home.mlruns / "optuna.db") as connection:
        return list(connection.iterdump())


def test_identity_is_kept_readably(home: Home, space: Space) -> None:
    import optuna

    Study(home, space)
    stored = optuna.load_study(study_name=space.name, storage=home.optuna_uri).user_attrs["sweeper.identity"]
    identity = json.loads(stored)
    assert identity["parameters.lora_rank"] == {"values": [8, 16, 32]}
    assert identity["data.train"].startswith("sha256:")
