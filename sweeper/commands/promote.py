"""`sweep promote`: puts a trial of a sweep into Ollama, and shows what was proven."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.commands.guard import guard_evidence
from sweeper.commands.live_names import connect, form, live_name, promoted_digests, quantizations
from sweeper.commands.look import answering, keep_promoted, look_at_test
from sweeper.commands.nf4_training import nf4_training
from sweeper.commands.program import program
from sweeper.commands.registered import register_promoted
from sweeper.commands.sweeps import find_sweep, progress_of, space_of
from sweeper.commands.trial_asked import adapter_folder, trial_asked
from sweeper.data.template import custom_template
from sweeper.errors import Interrupted, SweepError
from sweeper.events import BASE_TRIAL
from sweeper.home import Home, SweepFolder
from sweeper.lock import held_lock
from sweeper.models.quiet import quiet_libraries
from sweeper.promote.live_models import live_models
from sweeper.promote.quantizer import refuse_without_quantizer
from sweeper.report.on_test import line_of_test
from sweeper.report.progress import TrialProgress
from sweeper.report.promotion import (
    answer_lines,
    form_line,
    merge_line,
    models_table,
    proofs_table,
    scores_line,
)
from sweeper.report.steps import StepsView
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.looks import latest, read_looks
from sweeper.scoring.preflight import refuse_unscored
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.suite import Suite
from sweeper.serving.model_name import ModelName
from sweeper.space.base import resolve_base
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.promote.gate import Evidence
    from sweeper.promote.promotion import Lineage, Promotion, PromotionRequest
    from sweeper.serving.ollama import OllamaClient


@dataclass(frozen=True, slots=True)
class PromoteOptions:
    """The command line. `is_dry` proves all and changes no live name; `yes` asks nothing."""

    trial: int | None = None
    name: str | None = None
    quantization: list[str] | None = None
    converter: Path | None = None
    export: Path | None = None
    is_dry: bool = False
    yes: bool = False
    is_forced: bool = False
    form: str | None = None


def promote(home: Home, name: str, options: PromoteOptions) -> None:
    """All that can be refused is refused before torch is imported: trial, space, name, Ollama."""
    quiet_libraries()
    folder = find_sweep(home, name)
    trial = trial_asked(progress_of(folder), options.trial)
    space = _with_options(space_of(folder), options)
    live = live_name(space.promote, options.name)
    live_models(live, space.promote.quantization)
    refuse_without_quantizer(space.promote, options.converter)
    suite = space_suites(space).promoted_on
    refuse_unscored(suite)
    if options.export is not None:
        from sweeper.promote.export import refuse_full_folder

        refuse_full_folder(options.export)
    _refuse_another_space(home, space)
    client = connect(space.promote)
    if space.promote.form == "adapter":
        from sweeper.promote.adapter_probe import refuse_without_adapters

        refuse_without_adapters(client)
    known = promoted_digests(home)
    may_replace = options.yes or options.is_dry or _may_replace(client, live, space, known)
    console = Console()
    console.print(f"Promoting trial {trial.number} of {name} to {live} on {client.url}", highlight=False)
    if space.model.quantization == "nf4" and space.promote.form == "adapter":
        console.print(
            "The adapter was trained on the nf4 base and stands beside the original one, where its score may "
            "differ: the scores through Ollama are those of the two together.",
            highlight=False,
        )
    elif space.model.quantization == "nf4":
        console.print(
            "The adapter was trained on the nf4 base: it is merged into that, dequantised, and into the "
            "original base, and what is better on dev is taken.",
            highlight=False,
        )
    with held_lock(folder.promotions / "lock", f"a promotion of sweep {name!r}"):
        request = _request(space, folder, trial, suite, live, options)
        evidence, is_first_look = _evidence(space, folder, trial, suite, console)
        guards = _guards(space, folder, trial, console)
        request = dataclasses.replace(
            request, evidence=evidence, guards=guards, known_digests=known, may_replace=may_replace
        )
        promotion = _run(request, client, console)
        _show(promotion, suite, client, console, name)
        if not promotion.is_dry:
            models = live_models(live, space.promote.quantization)
            register_promoted(home, folder, client, models, console)
    if space.test is not None:
        if not is_first_look:
            keep_promoted(folder, trial.number, suite, promotion, answering(space, folder, trial))
        console.print(f"\n{line_of_test(read_looks(folder.test_looks))}", highlight=False, markup=False)


def _evidence(
    space: Space, folder: SweepFolder, trial: TrialProgress, suite: Suite, console: Console
) -> tuple["Evidence | None", bool]:
    """What base and trial answer to test, and whether that was the first look at this trial's answers.

    None without a test suite: the best dev score of many proves no gain.
    """
    from sweeper.promote.gate import Evidence

    if space.test is None:
        console.print("No evaluation.test: whether the trial is better than the base is not asked.")
        return None, False
    cases, before = suite_fingerprint(suite), read_looks(folder.test_looks)
    with StepsView(console) as view:
        view.progress("base and trial answer test", None)
        look_at_test(folder, trial.number, suite, "promote", answering(space, folder, trial))
    looks = read_looks(folder.test_looks)
    base, own = latest(looks, BASE_TRIAL, cases), latest(looks, trial.number, cases)
    assert base is not None
    assert own is not None
    return Evidence(suite.name, base.answers, own.answers), latest(before, trial.number, cases) is None


def _guards(
    space: Space, folder: SweepFolder, trial: TrialProgress, console: Console
) -> tuple["Evidence", ...]:
    """What base and trial answer to the guard suites; of the sweep's winner the sweep kept it."""
    with StepsView(console) as view:
        view.progress("base and trial answer guard suites", None)
        return tuple(guard_evidence(space, folder, trial.number, answering(space, folder, trial)))


def _with_options(space: Space, options: PromoteOptions) -> Space:
    chosen = dataclasses.replace(
        space.promote,
        quantization=quantizations(space.promote, options.quantization),
        form=form(space.promote, options.form),
    )
    return dataclasses.replace(space, promote=chosen)


def _may_replace(client: "OllamaClient", live: ModelName, space: Space, known: frozenset[str]) -> bool:
    """Asks about models that sweeper did not make, where there is somebody to ask."""
    kept = {model.name.casefold(): model.digest for model in client.models()}
    names = [str(model.name) for model in live_models(live, space.promote.quantization)]
    strange = [name for name in names if kept.get(name.casefold()) not in (None, *known)]
    if not strange or not sys.stdin.isatty():
        return False
    import typer

    asked = f"{strange[0]} in Ollama was not made by sweeper here. Replace it? It is kept for a rollback"
    return typer.confirm(asked)


def _refuse_another_space(home: Home, space: Space) -> None:
    """A base or rows that changed since training would merge the adapter into another model."""
    from sweeper.search.study import Study

    Study(home, space)


def _request(
    space: Space,
    folder: SweepFolder,
    trial: TrialProgress,
    suite: Suite,
    live: ModelName,
    options: PromoteOptions,
) -> "PromotionRequest":
    from sweeper.promote.promotion import PromotionRequest

    adapter = adapter_folder(folder, trial)
    return PromotionRequest(
        base=resolve_base(space.base, space.path.parent),
        adapter=adapter,
        suite=suite,
        settings=space.promote,
        live_name=str(live),
        work_dir=folder.promotions / "work",
        reports=folder.promotions,
        converter=options.converter,
        lineage=_lineage(space, trial, adapter),
        is_dry=options.is_dry,
        is_forced=options.is_forced,
        export=options.export,
        chat_template=custom_template(space.data),
        nf4=nf4_training(Home(folder.path.parents[1]), space),
    )


def _lineage(space: Space, trial: TrialProgress, adapter: Path) -> "Lineage":
    from sweeper.promote.file_hashes import sha256_of
    from sweeper.promote.promotion import Lineage
    from sweeper.search.identity import identity_of

    data = {key: str(value) for key, value in identity_of(space).items() if key.startswith("data.")}
    weights = adapter / "adapter_model.safetensors"
    adapter_sha256 = sha256_of(weights) if weights.is_file() else ""
    return Lineage(space.name, trial.number, space.base, data, adapter_sha256, trial.base_sha256)


def _run(request: "PromotionRequest", client: "OllamaClient", console: Console) -> "Promotion":
    """Shows each step. A refused promotion shows nothing more than its reason, which names the report."""
    with StepsView(console) as view:
        view.progress("start up", None)
        from sweeper.promote.promote import promote as promote_adapter

        try:
            return promote_adapter(request, client, view.progress, view.tell)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped. {request.live_name} in Ollama is as it was, unless the last step was the swap"
            ) from None


def _show(promotion: "Promotion", suite: Suite, client: "OllamaClient", console: Console, sweep: str) -> None:
    proofs = [(proof.name, proof.passed, proof.detail) for proof in promotion.proofs]
    if promotion.merge is not None:
        console.print(merge_line(promotion.merge), highlight=False)
    console.print(proofs_table(proofs))
    for missing in promotion.missing_instruments:
        console.print(f"Not proven, for want of {missing}", markup=False, highlight=False)
    _show_scores(promotion, suite, console)
    console.print(models_table(promotion.models))
    if promotion.is_dry:
        console.print(f"A dry run: all holds, and {promotion.name} is as it was.", highlight=False)
        return
    _show_answer(promotion, suite, client, console)
    console.print(f"\nTalk to it:   ollama run {promotion.name}", highlight=False)
    if promotion.models[0].previous_digest is not None:
        console.print(f"Take it back: {program()} rollback {sweep}", highlight=False)


def _show_scores(promotion: "Promotion", suite: Suite, console: Console) -> None:
    is_merged = promotion.form == "merged"
    if not is_merged:
        from sweeper.promote.candidate_source import base_name

        name = base_name(promotion.gguf_sha256)
        told = form_line(name, promotion.gguf_bytes, promotion.adapter_gguf_bytes)
        console.print(told, highlight=False)
    own, cases = promotion.merged_score, len(suite.cases)
    console.print(scores_line(suite.name, cases, own, promotion.ollama_score, is_merged), highlight=False)


def _show_answer(promotion: "Promotion", suite: Suite, client: "OllamaClient", console: Console) -> None:
    """The proofs looked at the candidate; this is the live name, as anybody would ask it."""
    case = suite.cases[0]
    content = f"{case.instruction}\n\n{case.input}" if case.input else case.instruction
    try:
        answer = client.chat(promotion.name, [{"role": "user", "content": content}], {})
    except SweepError as error:
        console.print(f"{promotion.name} is live; asking it once more failed: {error}", markup=False)
        return
    console.print(f"\n{promotion.name} is live:", highlight=False)
    console.print(answer_lines(content, answer.content, case.expected))
