"""TPE learns from trials that were turned away: it proposes fewer of them."""

from pathlib import Path

from sweeper.home import Home
from sweeper.search.study import Study
from sweeper.space.parameters import Choice, Constant, Parameter, Range
from sweeper.space.pruner import TRAIN_ALL
from sweeper.space.trial_config import TrialConfig
from tests.search.spaces import make_space

SEARCHED: dict[str, Parameter] = {
    "lora_rank": Range(8, 128, log=False, integer=True),
    "max_seq_length": Range(256, 4096, log=False, integer=True),
    "target_modules": Constant(("all-linear",)),
    "lr_scheduler_type": Choice(("linear", "cosine")),
}
LIMIT = 100_000


def excess(config: TrialConfig) -> float:
    return config.lora_rank * config.max_seq_length / LIMIT - 1


def turned_away(folder: Path, is_told: bool) -> list[bool]:
    """For each proposal until 40 trials fitted, whether it did not. Longer rows score better."""
    space = make_space(folder, trials=40, pruner=TRAIN_ALL, parameters=SEARCHED)
    study = Study(Home(folder / "mlruns"), space)
    misfits: list[bool] = []
    while misfits.count(False) < 40 and len(misfits) < 200:
        config = study.ask(len(misfits))
        misfits.append(excess(config) > 0)
        if misfits[-1] and is_told:
            study.tell_infeasible(len(misfits) - 1, "does not fit", excess(config))
        elif misfits[-1]:
            study.tell_failed(len(misfits) - 1, "CUDA out of memory")
        else:
            study.tell_completed(len(misfits) - 1, config.max_seq_length / 4096)
    return misfits


def share(misfits: list[bool]) -> float:
    return sum(misfits) / len(misfits)


def test_the_share_of_what_does_not_fit_falls(tmp_path: Path) -> None:
    told = turned_away(tmp_path / "told", is_told=True)
    start = [index for index, misfit in enumerate(told) if not misfit][9] + 1  # 10 random ones that fit
    assert share(told[start:]) < share(told[:start]) / 2
    failed = turned_away(tmp_path / "failed", is_told=False)  # what Optuna learns from a crash: nothing
    assert sum(told) < sum(failed)
