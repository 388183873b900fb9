"""Puts a trained adapter into Ollama under a live name, proven to answer there as it was trained."""

from sweeper.errors import InputError, ProofError
from sweeper.promote.build import build
from sweeper.promote.export import export
from sweeper.promote.gate import prove_gain, prove_kept
from sweeper.promote.journal import begin_swap, end_rollbacks, end_swap, settle
from sweeper.promote.promotion import Progress, Promotion, PromotionRequest, Tell, write_report
from sweeper.promote.publish import publish
from sweeper.promote.quantizer import refuse_without_quantizer
from sweeper.promote.record import Record
from sweeper.promote.work_dir import clear_work
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient


def promote(
    request: PromotionRequest,
    client: OllamaClient,
    progress: Progress = lambda step, share: None,
    tell: Tell = lambda result: None,
) -> Promotion:
    """Gate, files of the form that is asked for and their proofs, candidates and theirs, live names.

    What an earlier run left unfinished in Ollama is ended or removed first. Writes a report into
    `request.reports`, also where a proof fails. Then ProofError is raised, with the reason; the live
    names are as they were, and the .gguf stays in `request.work_dir` until the next promotion. Raises
    InputError for a name that Ollama refuses, and SweepError where a step fails.
    """
    name, quantizations = parse_model_name(request.live_name), request.settings.quantization
    record = Record(name, progress, quantizations, tell=tell)
    refuse_without_quantizer(request.settings, request.converter)
    settle(client, request.reports)
    end_rollbacks(client, list(record.models))
    record.note_before(client)
    refuse_strangers(record, request)

    def before_swap() -> None:
        begin_swap(record.promotion(request, client, reason=None), request.reports)

    try:
        _pass_gate(request, record)
        built = build(request, record)
        publish(built, request.suite, request.settings, client, record, before_swap, request.is_dry)
    except ProofError as error:
        promotion = record.promotion(request, client, reason=str(error))
        report = write_report(promotion, request.reports)
        raise ProofError(f"{record.name} {_left(record, client)}: {error}. Report: {report}") from None
    promotion = record.promotion(request, client, reason=None)
    end_swap(promotion, request.reports)
    if request.export is not None:
        export(promotion, built.gguf, request.export, built.adapter_gguf)
    clear_work(request.work_dir)
    return promotion


def _pass_gate(request: PromotionRequest, record: Record) -> None:
    """Raises ProofError where the trial is not better, or has lost what it could; --force goes on."""
    gate = request.settings.gate
    gain = [] if request.evidence is None else [prove_gain(request.evidence, gate)]
    kept = [prove_kept(guard, gate.max_guard_loss) for guard in request.guards]
    record.prove([*gain, *kept], request.is_forced)


def refuse_strangers(record: Record, request: PromotionRequest) -> None:
    """Raises InputError where a live name has a model that sweeper did not make, and may not replace."""
    strange = [
        model.name
        for model in record.models.values()
        if model.previous_digest not in (None, *request.known_digests)
    ]
    if strange and not (request.may_replace or request.is_dry):
        raise InputError(
            strange[0],
            "there is a model of this name that sweeper did not make here",
            "Give --yes to replace it (`sweep rollback` brings it back), or another --name",
        )


def _left(record: Record, client: OllamaClient) -> str:
    """What became of the live name in a refused promotion."""
    before = next(iter(record.models.values())).previous_digest
    now = client.digest(str(record.name))
    if now != before:
        return "was changed by somebody else, not promoted"
    return "was not promoted" if now is None else "stays as it was"
