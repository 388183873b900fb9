"""Puts a built model into Ollama: candidates first, proofs on them, then the live names.

A live name changes after all proofs, and the model that had it is kept. Whenever this process dies, it
is the old model or the new one; what stays behind is ended or removed by the next promotion.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sweeper.errors import ProofError, SweepError
from sweeper.promote.build import Built
from sweeper.promote.candidate_source import has_base, refuse_changed_file, upload_source
from sweeper.promote.disk import refuse_small_store
from sweeper.promote.file_hashes import sha256_of
from sweeper.promote.greedy import Followed
from sweeper.promote.journal import remove_candidates
from sweeper.promote.live_models import LiveModel, reference_of
from sweeper.promote.logprobs import TOP, prove_logprobs
from sweeper.promote.ollama_prompt import choose_prompt
from sweeper.promote.promotion import PromotedAnswer
from sweeper.promote.prompts import Prompt
from sweeper.promote.proofs import Proof, prove_answers, prove_endings, prove_rendered, prove_token_counts
from sweeper.promote.quantized import Observed, mean_agreement, prove_quantized
from sweeper.promote.quantizer import no_quantizer, quantised_file
from sweeper.promote.record import Record
from sweeper.promote.scales import FEWEST
from sweeper.promote.swap import carry_out, next_swap
from sweeper.scoring.assess import case_score
from sweeper.scoring.decode import before_stop
from sweeper.scoring.means import mean_of
from sweeper.scoring.suite import Suite
from sweeper.serving.ollama import ChatAnswer, OllamaClient
from sweeper.space.promote_settings import OLLAMA_QUANTIZATIONS
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
    built: Built,
    suite: Suite,
    settings: PromoteSettings,
    client: OllamaClient,
    record: Record,
    before_swap: Callable[[], None] = lambda: None,
    is_dry: bool = False,
) -> None:
    """Gives every live name of `record` its model, whose digest `record` then knows.

    `before_swap` is called when all is proven and nothing is changed yet. Raises ProofError where a
    proof fails, and SweepError where Ollama does; the live names are then as they were and the
    candidates are removed, unless the swap had begun: that is for the next promotion to end.
    """
    reference = reference_of(record.name, list(record.models))
    candidates = list(dict.fromkeys([*(model.name for model in record.models), reference.name]))
    remove_candidates(client, candidates)
    has_f16 = has_base(built, client, record)
    refuse_small_store(built.gguf.stat().st_size, record.quantizations, client.url, has_f16)
    try:
        _Candidates(built, suite, settings, client, record).make(reference)
        _note_digests(client, record)
    except BaseException:
        # What went wrong matters more than a candidate that cannot be removed now.
        with suppress(SweepError):
            remove_candidates(client, candidates)
        raise
    if not is_dry:
        before_swap()
        with record.step("swap"):
            _swap(client, record)
    remove_candidates(client, candidates)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Makes the candidates and proves them."""

    built: Built
    suite: Suite
    settings: PromoteSettings
    client: OllamaClient
    record: Record

    def make(self, reference: LiveModel) -> None:
        """The f16 one first. The others are made of it after it was loaded and has answered."""
        self._create(reference)
        observed = self._prove(reference)
        for model in self.record.models:
            if model != reference:
                self._quantize(model, reference)
                self._prove_quantized(model, observed)

    @property
    def _prompts(self) -> list[Prompt]:
        return [*self.built.cases, *self.built.probes]

    def _create(self, model: LiveModel) -> None:
        """Uploads the file and makes the candidate of it, with a prompt that the server renders as wanted."""
        built, record = self.built, self.record
        record.parameters = ollama_parameters(self.settings, built.context_length)
        with record.step("upload"):
            source = upload_source(built, self.client, record)
        with record.step("create candidate"):
            self.client.create(
                model.candidate,
                **source,
                system=self.settings.system,
                license=self.settings.license,
                parameters=record.parameters,
            )
            prompts = [*built.cases[:1], *built.probes]
            option = choose_prompt(
                self.client, model.candidate, built.options, prompts, built.bos, record.parameters
            )
            record.go_template = option.go_template

    def _prove(self, model: LiveModel) -> Observed:
        """Asks the f16 candidate everything and holds it against the merged model."""
        built, record = self.built, self.record
        seen = self._ask(model, "answer in Ollama")
        of_cases = seen.answers[: len(built.cases)]
        if None in seen.rendered:
            record.missing.append("the prompt that it feeds (Ollama 0.11.5 and later)")
        with record.step("answer in transformers"):
            pairs = zip(record.each("answer in transformers", built.cases), of_cases, strict=True)
            followed = [built.merged.follow(prompt.token_ids, answer.content) for prompt, answer in pairs]
            logprobs = self._compare_logprobs(followed, seen.answers)
        _score(self.suite, of_cases, followed, record)
        record.note(model, score=seen.score)
        record.prove(
            [
                *prove_rendered(self._prompts, seen.rendered, built.bos),
                prove_token_counts(self._prompts, seen.answers),
                prove_answers(built.cases, followed, built.whose),
                *logprobs,
                prove_endings(built.cases, followed, of_cases),
            ]
        )
        return seen

    def _compare_logprobs(self, followed: Sequence[Followed], answers: Sequence[ChatAnswer]) -> list[Proof]:
        """On the cases, whose answers were followed, and on the probes of one turn (of several turns not even
        the tokens need be the same). No proof where the server gives no log probabilities, which the record
        keeps."""
        if not any(answer.tokens for answer in answers):
            self.record.missing.append("logprobs (Ollama 0.12.11 and later)")
            return []
        built, cases = self.built, len(self.built.cases)
        pairs = zip(built.probes, answers[cases:], strict=True)
        probes = [(prompt, answer) for prompt, answer in pairs if prompt.one_turn]
        own = [built.merged.follow(prompt.token_ids, answer.content) for prompt, answer in probes]
        proofs = prove_logprobs(
            built.merged,
            [*built.cases, *(prompt for prompt, _ in probes)],
            [*followed, *own],
            [*answers[:cases], *(answer for _, answer in probes)],
            whose=built.whose,
        )
        if len(proofs) == 1 and proofs[0].passed:
            self.record.missing.append(f"{FEWEST} log probabilities in all answers, for each tensor's scale")
        return proofs

    def _quantize(self, model: LiveModel, reference: LiveModel) -> None:
        """Ollama makes it of the candidate where it can, else llama.cpp of the file."""
        if model.quantization not in OLLAMA_QUANTIZATIONS:
            self._quantize_by_llama_cpp(model)
            return
        with self.record.step(f"quantize to {model.quantization}"):
            self.client.create(
                model.candidate,
                from_model=reference.candidate,
                parameters=self.record.parameters,
                quantize=model.quantization,
            )

    def _quantize_by_llama_cpp(self, model: LiveModel) -> None:
        record, quantizer, name = self.record, self.built.quantizer, model.quantization
        if quantizer is None:
            raise no_quantizer(name)
        refuse_changed_file(sha256_of(self.built.gguf), record.gguf_sha256)
        with record.step(f"quantize to {name}"), quantised_file(quantizer, self.built.gguf, name) as path:
            self.client.create(
                model.candidate,
                file_digest=self.client.upload(path),
                template=record.go_template,
                system=self.settings.system,
                license=self.settings.license,
                parameters=record.parameters,
            )

    def _prove_quantized(self, model: LiveModel, reference: Observed) -> None:
        name, cases = model.quantization, len(self.built.cases)
        found = self._ask(model, f"answer as {name}")
        self.record.note(model, score=found.score, agreement=mean_agreement(reference, found, cases))
        bos, gate = self.built.bos, self.settings.gate
        self.record.prove(prove_quantized(name, self._prompts, cases, reference, found, bos, gate))

    def _ask(self, model: LiveModel, step: str) -> Observed:
        """What a candidate feeds for each prompt, and what it answers."""
        prompts, name = self._prompts, model.candidate
        with self.record.step(step):
            options = _greedy_options(self.settings, self.suite.max_new_tokens)
            rendered = self._render(name, prompts)
            asked = self.record.each(step, prompts)
            answers = tuple(
                self.client.chat(name, prompt.messages, options, top_logprobs=TOP) for prompt in asked
            )
        return Observed(rendered, answers, _mean_score(self.suite, answers[: len(self.built.cases)]))

    def _render(self, name: str, prompts: Sequence[Prompt]) -> tuple[str | None, ...]:
        """A server that cannot tell answers instead, so it is asked once."""
        first = self.client.render(name, prompts[0].messages)
        if first is None:
            return (None,) * len(prompts)
        return (first, *(self.client.render(name, prompt.messages) for prompt in prompts[1:]))


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
    if record.merged_score is not None and record.ollama_score is not None:
        record.tell(f"{suite.name}: {record.ollama_score:.3f} in Ollama, {record.merged_score:.3f} here")


def _mean_score(suite: Suite, answers: Sequence[ChatAnswer]) -> float | None:
    """The suite's mean over answers of Ollama; None where no case is scored."""
    return mean_of(
        [
            case_score(case, before_stop(answer.content, suite.stop))
            for case, answer in zip(suite.cases, answers, strict=True)
        ]
    )


def _note_digests(client: OllamaClient, record: Record) -> None:
    """Keeps what was proven for each live name. Raises ProofError where somebody else has changed it."""
    kept = {model.name.casefold(): model for model in client.models()}
    for model, promoted in record.models.items():
        found, live = kept.get(model.candidate.casefold()), kept.get(str(model.name).casefold())
        if found is None:
            raise ProofError(f"{model.candidate} was removed by somebody else")
        if (live.digest if live else None) != promoted.previous_digest:
            raise ProofError(f"{model.name} was changed by somebody else while this promotion went on")
        record.note(model, digest=found.digest, size_bytes=found.size_bytes)


def _swap(client: OllamaClient, record: Record) -> None:
    """Gives the candidates their live names. Each change is one request, so no name is ever missing."""
    for model, promoted in record.models.items():
        carry_out(client, model.name, next_swap)
        digest = client.digest(str(model.name))
        if digest is None or digest != promoted.digest:
            raise ProofError(
                f"{model.name} has the digest {digest} after the copy, and {promoted.digest} was proven"
            )
