"""Quantised models: made by Ollama from the f16 candidate after that is proven, and held against it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.promote.prompts import Prompt
from sweeper.promote.proofs import Proof, prove_rendered, prove_token_counts
from sweeper.serving.ollama import ChatAnswer
from sweeper.space.promote_settings import GateSettings, Quantization


@dataclass(frozen=True, slots=True)
class Observed:
    """What a model in Ollama said to the cases and then to the probes: `answers` and `rendered` have
    one entry per prompt (None where the server does not show it); `score` is the suite's mean, None where
    no case is scored."""

    rendered: tuple[str | None, ...]
    answers: tuple[ChatAnswer, ...]
    score: float | None


def agreement(one: str, other: str) -> float:
    """How far two answers go the same way: the share of the longer one up to the first other character.

    Outer white space does not count, as in scoring. Two empty answers agree.
    """
    one, other = one.strip(), other.strip()
    longest = max(len(one), len(other))
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return same / longest if longest else 1.0


def mean_agreement(reference: Observed, found: Observed, cases: int) -> float:
    """Over the first `cases` prompts, which are the suite's."""
    pairs = zip(reference.answers[:cases], found.answers[:cases], strict=True)
    return sum(agreement(one.content, other.content) for one, other in pairs) / cases


def prove_quantized(
    quantization: Quantization,
    prompts: Sequence[Prompt],
    cases: int,
    reference: Observed,
    found: Observed,
    bos: str | None,
    gate: GateSettings,
) -> list[Proof]:
    """A quantised model reads the same prompts, ends as the f16 model does, and answers close to it.

    `prompts` are the suite's `cases` and then the probes.
    """
    proofs = [
        *prove_rendered(prompts, found.rendered, bos),
        prove_token_counts(prompts, found.answers),
        _prove_endings(prompts[:cases], reference, found),
        _prove_close(reference, found, mean_agreement(reference, found, cases), gate),
    ]
    return [replace(proof, name=f"{quantization}: {proof.name}") for proof in proofs]


def _prove_endings(cases: Sequence[Prompt], reference: Observed, found: Observed) -> Proof:
    """It ends by itself wherever the f16 model does. Where that runs to the limit, both are right."""
    wrong = [
        f"{prompt.name}: done_reason is {its.done_reason!r}"
        for prompt, own, its in zip(cases, reference.answers, found.answers, strict=False)
        if own.done_reason == "stop" and its.done_reason != "stop"
    ]
    if wrong:
        return Proof("ends where f16 does", False, f"{len(wrong)} of {len(cases)} run on; {wrong[0]}")
    return Proof("ends where f16 does", True, f"{len(cases)} of {len(cases)}")


def _prove_close(reference: Observed, found: Observed, agreed: float, gate: GateSettings) -> Proof:
    loss, scores = 0.0, ""
    if reference.score is not None and found.score is not None:
        loss = reference.score - found.score
        scores = (
            f"score {found.score:.3f}, f16 {reference.score:.3f} (may lose {gate.max_quantization_loss:g}); "
        )
    detail = f"{scores}{agreed:.0%} of the answers are the same (at least {gate.min_agreement:.0%})"
    close = loss <= gate.max_quantization_loss + 1e-9 and agreed >= gate.min_agreement
    return Proof("close to f16", close, detail)
