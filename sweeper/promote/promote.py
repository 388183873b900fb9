"""Puts a trained adapter into Ollama under a live name, proven to answer there as it was trained."""

from sweeper.errors import ProofError
from sweeper.promote.build import build, clear_work
from sweeper.promote.promotion import Progress, Promotion, PromotionRequest, write_report
from sweeper.promote.publish import publish
from sweeper.promote.record import Record
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient


def promote(
    request: PromotionRequest, client: OllamaClient, progress: Progress = lambda step, share: None
) -> Promotion:
    """Merge, prove the merge, GGUF, candidate, prove the candidate, live name.

    Writes a report into `request.reports`, also where a proof fails. Then ProofError is raised, with
    the reason; the live name is as it was, and the .gguf stays in `request.work_dir` until the next
    promotion. Raises InputError for a name that Ollama refuses, and SweepError where a step fails.
    """
    record = Record(parse_model_name(request.live_name), progress)
    record.previous_digest = client.digest(str(record.name))
    try:
        built = build(request, record)
        digest = publish(built, request.suite, request.settings, client, record)
    except ProofError as error:
        now = client.digest(str(record.name))
        promotion = record.promotion(request, client, now, reason=str(error))
        report = write_report(promotion, request.reports)
        raise ProofError(
            f"{record.name} {_left(record.previous_digest, now)}: {error}. Report: {report}"
        ) from None
    promotion = record.promotion(request, client, digest, reason=None)
    write_report(promotion, request.reports)
    clear_work(request.work_dir)
    return promotion


def _left(before: str | None, now: str | None) -> str:
    """What became of the live name in a refused promotion."""
    if now != before:
        return "was changed by somebody else, not promoted"
    return "was not promoted" if now is None else "stays as it was"
