"""`sweep promote`: puts a trial of a sweep into Ollama, and shows what was proven."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.commands.sweeps import find_sweep, progress_of, space_of
from sweeper.errors import InputError, Interrupted, SweepError
from sweeper.home import Home, SweepFolder
from sweeper.lock import held_lock
from sweeper.models.quiet import quiet_libraries
from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.promotion import answer_lines, proofs_table, scores_line
from sweeper.report.steps import StepsView
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.suite import Suite
from sweeper.serving.model_name import parse_model_name
from sweeper.space.base import resolve_base
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.promote.promotion import Promotion, PromotionRequest
    from sweeper.serving.ollama import OllamaClient


def promote(
    home: Home, name: str, number: int | None, ollama_name: str | None, converter: Path | None
) -> None:
    """All that can be refused is refused before torch is imported: trial, space, name, Ollama."""
    quiet_libraries()
    folder = find_sweep(home, name)
    trial = _trial_to_promote(progress_of(folder), number)
    space = space_of(folder)
    live = str(
        parse_model_name(ollama_name or space.promote.name, "--name" if ollama_name else "promote.name")
    )
    suite = load_suite(space.test or space.dev)
    _refuse_another_space(home, space)

    from sweeper.serving.ollama import OllamaClient

    client = OllamaClient.connect()
    console = Console()
    console.print(f"Promoting trial {trial.number} of {name} to {live} on {client.url}", highlight=False)
    with held_lock(folder.promotions / "lock", f"a promotion of sweep {name!r}"):
        promotion = _run(_request(space, folder, trial, suite, live, converter), client, console)
    _show(promotion, suite, client, console)


def _trial_to_promote(progress: SweepProgress, number: int | None) -> TrialProgress:
    """The trial asked for, or the best. Raises InputError for one that has no adapter to promote."""
    complete = sorted(trial.number for trial in progress.trials.values() if trial.adapter)
    if not complete:
        raise InputError(
            f"sweep {progress.name!r}", "no trial is complete yet", "Let `sweep start` finish one first"
        )
    if number is None:
        assert progress.best is not None, "a complete trial has a score"
        return progress.best
    if number in complete:
        return progress.trials[number]
    trial = progress.trials.get(number)
    problem = f"is {trial.state}, must be complete" if trial else f"there is no trial {number}"
    raise InputError(f"--trial {number}", problem, f"Complete ones: {', '.join(map(str, complete))}")


def _refuse_another_space(home: Home, space: Space) -> None:
    """A base or rows that changed since training would merge the adapter into another model."""
    from sweeper.search.study import Study

    Study(home, space)


def _request(
    space: Space, folder: SweepFolder, trial: TrialProgress, suite: Suite, live: str, converter: Path | None
) -> "PromotionRequest":
    from sweeper.promote.promotion import PromotionRequest

    assert trial.adapter is not None
    return PromotionRequest(
        base=resolve_base(space.base, space.path.parent),
        adapter=folder.path / trial.adapter,
        suite=suite,
        settings=space.promote,
        live_name=live,
        work_dir=folder.promotions / "work",
        reports=folder.promotions,
        converter=converter,
    )


def _run(request: "PromotionRequest", client: "OllamaClient", console: Console) -> "Promotion":
    """Shows each step. A refused promotion shows nothing more than its reason, which names the report."""
    with StepsView(console) as view:
        view.progress("start up", None)
        from sweeper.promote.promote import promote as promote_adapter

        try:
            return promote_adapter(request, client, view.progress)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped. {request.live_name} in Ollama is as it was, unless the last step was the swap"
            ) from None


def _show(promotion: "Promotion", suite: Suite, client: "OllamaClient", console: Console) -> None:
    proofs = [(proof.name, proof.passed, proof.detail) for proof in promotion.proofs]
    console.print(proofs_table(proofs))
    scores = scores_line(suite.name, len(suite.cases), promotion.merged_score, promotion.ollama_score)
    console.print(scores, highlight=False)
    # The proofs looked at the candidate; this is the live name, as anybody would ask it.
    case = suite.cases[0]
    content = f"{case.instruction}\n\n{case.input}" if case.input else case.instruction
    try:
        answer = client.chat(promotion.name, [{"role": "user", "content": content}], {})
    except SweepError as error:
        console.print(f"{promotion.name} is live; asking it once more failed: {error}", markup=False)
        return
    console.print(f"\n{promotion.name} is live:", highlight=False)
    console.print(answer_lines(content, answer.content, case.expected))
    console.print(f"\nTalk to it:  ollama run {promotion.name}", highlight=False)
