"""Proofs that the model in Ollama is the merged one. Each is pure: observations in, Proof out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.promote.difference import describe_difference
from sweeper.promote.greedy import TIE_MARGIN, Followed
from sweeper.promote.prompts import Prompt
from sweeper.serving.ollama import ChatAnswer


@dataclass(frozen=True, slots=True)
class Proof:
    """One instrument's verdict, with the figures behind it, or the first thing that is wrong."""

    name: str
    passed: bool
    detail: str


def same_prompt(rendered: str, prompt: Prompt, bos: str | None) -> bool:
    """Whether Ollama feeds the text of `prompt`.

    llama.cpp takes a leading begin-of-text token out of the text where it adds one itself. Whether it
    is there once in the end is for the token count to tell.
    """
    return rendered in (prompt.text, prompt.text.removeprefix(bos or ""))


def prove_rendered(prompts: Sequence[Prompt], rendered: Sequence[str | None], bos: str | None) -> list[Proof]:
    """Ollama's rendered prompt = the chat template's text, byte for byte. No proof by a server that does
    not show what it renders."""
    shown = [text for text in rendered if text is not None]
    if len(shown) < len(prompts):
        return []
    wrong = [
        f"{prompt.name}: {describe_difference(text, prompt.text)}"
        for prompt, text in zip(prompts, shown, strict=True)
        if not same_prompt(text, prompt, bos)
    ]
    return [_verdict("rendered prompt = chat template's text", len(prompts), wrong)]


def prove_token_counts(prompts: Sequence[Prompt], answers: Sequence[ChatAnswer]) -> Proof:
    """prompt_eval_count = the tokenizer's count of the chat template's text. Sees a doubled begin token,
    and a text that llama.cpp splits in another way.

    Of one turn only: behind a special token in the midst, as between turns, llama.cpp begins a
    SentencePiece text with a blank where transformers does not, and no row is trained on that.
    """
    pairs = [pair for pair in zip(prompts, answers, strict=True) if pair[0].one_turn]
    wrong = [
        f"{prompt.name}: Ollama fed {answer.prompt_tokens} tokens, and the prompt has {len(prompt.token_ids)}"
        for prompt, answer in pairs
        if answer.prompt_tokens != len(prompt.token_ids)
    ]
    return _verdict("prompt_eval_count = tokenizer's count", len(pairs), wrong)


def prove_answers(
    prompts: Sequence[Prompt], followed: Sequence[Followed], whose: str = "merged model's"
) -> Proof:
    """Greedy answers = the merged model's own, but for ties of its two likeliest tokens."""
    wrong = [
        f"{prompt.name}: {own.difference}"
        for prompt, own in zip(prompts, followed, strict=True)
        if own.difference is not None
    ]
    ties = sorted(margin for own in followed for margin in own.ties)
    told = f", with {len(ties)} ties (margins up to {ties[-1]:.3f} of {TIE_MARGIN} logits)" if ties else ""
    return _verdict(f"answers = {whose}", len(prompts), wrong, told or ", no ties")


def prove_endings(
    prompts: Sequence[Prompt], followed: Sequence[Followed], answers: Sequence[ChatAnswer]
) -> Proof:
    """done_reason is "stop" wherever the merged model ends by itself, and nowhere else."""
    wrong = []
    for prompt, own, answer in zip(prompts, followed, answers, strict=True):
        wanted = "stop" if own.ended else "length"
        if answer.done_reason != wanted:
            wrong.append(f"{prompt.name}: done_reason is {answer.done_reason!r}, not {wanted!r}")
    return _verdict("done_reason", len(prompts), wrong)


def _verdict(name: str, total: int, wrong: Sequence[str], told: str = "") -> Proof:
    if wrong:
        return Proof(name, False, f"{len(wrong)} of {total} differ; {wrong[0]}")
    return Proof(name, True, f"{total} of {total}{told}")
