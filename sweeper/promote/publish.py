"""Puts a built model into Ollama: a candidate first, proofs on it, then the live name.

The live name changes in one copy, after all proofs. Whenever this process dies, it is the old model or
the new one; a candidate that stays behind is removed by the next promotion.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sweeper.errors import ProofError, SweepError
from sweeper.promote.build import Built
from sweeper.promote.greedy import Followed
from sweeper.promote.ollama_prompt import choose_prompt
from sweeper.promote.promotion import PromotedAnswer
from sweeper.promote.proofs import prove_answers, prove_endings, prove_rendered, prove_token_counts
from sweeper.promote.record import Record
from sweeper.scoring.assess import case_score
from sweeper.scoring.decode import before_stop
from sweeper.scoring.means import mean_of
from sweeper.scoring.suite import Suite
from sweeper.serving.ollama import ChatAnswer, OllamaClient
from sweeper.space.space import PromoteSettings

_DEFAULTS: Mapping[str, Any] = {"repeat_penalty": 1.0, "num_ctx": 4096, "temperature": 0.7}
"""Ollama's repeat_penalty of 1.1 works at temperature 0 too, and spoils JSON."""

_NEUTRAL: Mapping[str, Any] = {
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "stop": [],
}
"""What the user's own parameters are set back to while answers are compared."""


def ollama_parameters(settings: PromoteSettings, context_length: int | None) -> dict[str, Any]:
    """The parameters that the model gets in Ollama: the user's, over ours."""
    num_ctx = min(_DEFAULTS["num_ctx"], context_length or _DEFAULTS["num_ctx"])
    return {**_DEFAULTS, "num_ctx": num_ctx, **settings.parameters}


def publish(
    built: Built, suite: Suite, settings: PromoteSettings, client: OllamaClient, record: Record
) -> str:
    """Returns the digest that the live name has now.

    Raises ProofError where a proof fails, and SweepError where Ollama does; the live name is then as it
    was, and the candidate is removed.
    """
    live, candidate = str(record.name), str(record.name.candidate)
    client.delete(candidate)
    try:
        _create(built, settings, client, candidate, record)
        _prove(built, suite, settings, client, candidate, record)
        with record.step("swap"):
            return _swap(client, candidate, live)
    finally:
        # What went wrong before matters more than a candidate that cannot be removed now.
        with suppress(SweepError):
            client.delete(candidate)


def _create(
    built: Built, settings: PromoteSettings, client: OllamaClient, candidate: str, record: Record
) -> None:
    """Uploads the file and makes the candidate of it, with a prompt that the server renders as wanted."""
    record.parameters = ollama_parameters(settings, built.context_length)
    with record.step("upload"):
        digest = client.upload(built.gguf, lambda share: record.progress("upload", share))
        record.gguf_sha256 = digest.removeprefix("sha256:")
    with record.step("create candidate"):
        client.create(candidate, file_digest=digest, system=settings.system, parameters=record.parameters)
        prompts = [*built.cases[:1], *built.probes]
        option = choose_prompt(client, candidate, built.options, prompts, built.bos, record.parameters)
        record.go_template = option.go_template


def _prove(
    built: Built,
    suite: Suite,
    settings: PromoteSettings,
    client: OllamaClient,
    candidate: str,
    record: Record,
) -> None:
    """Asks the candidate everything and holds it against the merged model."""
    prompts = [*built.cases, *built.probes]
    with record.step("answer in Ollama"):
        options = _greedy_options(settings, suite.max_new_tokens)
        rendered = [client.render(candidate, prompt.messages) for prompt in prompts]
        asked = record.each("answer in Ollama", prompts)
        answers = [client.chat(candidate, prompt.messages, options) for prompt in asked]
    of_cases = answers[: len(built.cases)]
    with record.step("answer in transformers"):
        pairs = zip(record.each("answer in transformers", built.cases), of_cases, strict=True)
        followed = [built.merged.follow(prompt.token_ids, answer.content) for prompt, answer in pairs]
    _score(suite, of_cases, followed, record)
    record.prove(
        [
            prove_rendered(prompts, rendered, built.bos),
            prove_token_counts(prompts, answers),
            prove_answers(built.cases, followed),
            prove_endings(built.cases, followed, of_cases),
        ]
    )


def _greedy_options(settings: PromoteSettings, max_new_tokens: int) -> dict[str, Any]:
    """repeat_penalty is sent only where the user has set another: our own must be in the model."""
    neutral = {name: value for name, value in _NEUTRAL.items() if name in settings.parameters}
    return {"temperature": 0.0, "seed": 0, "num_predict": max_new_tokens, **neutral}


def _score(suite: Suite, answers: Sequence[ChatAnswer], followed: Sequence[Followed], record: Record) -> None:
    """The suite's score through Ollama, and the merged model's own."""
    kept, own_scores = [], []
    for case, answer, own in zip(suite.cases, answers, followed, strict=True):
        score = case_score(case, before_stop(answer.content, suite.stop))
        kept.append(PromotedAnswer(case.id, answer.content, own.text, case.expected, score))
        own_scores.append(case_score(case, before_stop(own.text, suite.stop)))
    record.answers = tuple(kept)
    record.merged_score = mean_of(own_scores)


def _swap(client: OllamaClient, candidate: str, live: str) -> str:
    """Gives the candidate the live name. One request, so the name is never missing in between."""
    proven = client.digest(candidate)
    client.copy(candidate, live)
    digest = client.digest(live)
    if digest is None or digest != proven:
        raise ProofError(f"{live} has the digest {digest} after the copy, and {proven} was proven")
    return digest
