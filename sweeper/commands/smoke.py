"""`sweep start --smoke`: one trial on few rows through every stage, before hours are spent.

It is kept apart: its home is a folder of its own under mlruns/, with its own databases.
"""

import dataclasses
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.commands.nf4_training import nf4_training
from sweeper.data.template import custom_template
from sweeper.errors import ProofError, TrainingError
from sweeper.home import Home
from sweeper.report.progress import SweepProgress
from sweeper.report.steps import StepsView
from sweeper.report.text import score
from sweeper.space.parameters import Constant, Parameter
from sweeper.space.pruner import TRAIN_ALL
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.promote.merge_choice import Nf4Training
    from sweeper.promote.promotion import PromotionRequest

ROWS = 100
CASES = 4
"""How many cases the merged model is held against before it is converted."""


def smoke_home(home: Home) -> Home:
    """Where smoke runs are kept."""
    return Home(home.mlruns / "smoke" / "mlruns")


def smoke_space(space: Space) -> Space:
    """The space with one trial of one epoch on its first rows."""
    data = dataclasses.replace(space.data, limit=min(ROWS, space.data.limit or ROWS))
    search = dataclasses.replace(space.search, trials=1, pruner=TRAIN_ALL, wall_seconds=None)
    length: dict[str, Parameter] = {"num_train_epochs": Constant(1.0), "max_steps": Constant(None)}
    parameters = {**space.parameters, **length}
    # Constraints and baseline may be about the length.
    # A guard suite goes the way of dev, and a smoke run is to be quick.
    return dataclasses.replace(
        space,
        search=search,
        data=data,
        parameters=parameters,
        constraints=(),
        baseline=(),
        notes=(),
        guard=(),
    )


def end_smoke(console: Console, progress: SweepProgress, home: Home, space: Space) -> None:
    """Merges and converts what was trained, without Ollama. Raises TrainingError where a stage failed."""
    trial = next(iter(progress.trials.values()))
    if trial.adapter is None:
        raise TrainingError(f"the smoke run's trial is {trial.state}: {trial.reason}")
    console.print(
        f"trained on {trial.total_examples} examples: loss {trial.loss or 0.0:.3f}, "
        f"{progress.suite} {score(progress.base.score)} → {score(trial.score)}",
        highlight=False,
    )
    _build(console, _request(home, space, trial.adapter))
    console.print(f"Every stage works. {space.name} is ready for the whole sweep.", highlight=False)


def _build(console: Console, request: "PromotionRequest") -> None:
    with StepsView(console) as view:
        view.progress("start up", None)
        from sweeper.promote.build import build
        from sweeper.promote.record import Record
        from sweeper.promote.work_dir import clear_work
        from sweeper.serving.model_name import parse_model_name

        record = Record(parse_model_name(request.live_name), view.progress)
        try:
            build(request, record)
        except ProofError as error:
            raise TrainingError(f"the trained model cannot be promoted: {error}") from None
        finally:
            clear_work(request.work_dir)


def _request(home: Home, space: Space, adapter: str) -> "PromotionRequest":
    from sweeper.promote.promotion import PromotionRequest
    from sweeper.scoring.space_suites import space_suites
    from sweeper.space.base import resolve_base

    folder, suite = home.sweep(space.name), space_suites(space).dev[0]
    return PromotionRequest(
        base=resolve_base(space.base, space.path.parent),
        adapter=folder.path / adapter,
        suite=dataclasses.replace(suite, cases=suite.cases[:CASES]),
        settings=space.promote,
        live_name=space.promote.name,
        work_dir=folder.promotions / "work",
        reports=folder.promotions,
        chat_template=custom_template(space.data),
        nf4=_few_cases(nf4_training(home, space)),
    )


def _few_cases(training: "Nf4Training | None") -> "Nf4Training | None":
    if training is None:
        return None
    dev = tuple(dataclasses.replace(suite, cases=suite.cases[:CASES]) for suite in training.dev)
    return dataclasses.replace(training, dev=dev)
