"""The merged model's own greedy answers, one prompt at a time, and how close each choice was.

A plain loop on purpose: it shares nothing with the batched generation that scores trials, nor with
transformers' generate(), whose processors a model's generation config may switch on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.promote.difference import describe_difference

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

TIE_MARGIN = 0.1
"""Logits. Where the best two tokens are closer than this, rounding may choose either: llama.cpp keeps
activations and its cache in f16. Over 1,526 tokens of SmolLM2-135M the margin differed by 0.03 at most."""


@dataclass(frozen=True, slots=True)
class GreedyAnswer:
    """Chosen tokens, an end token included; for each the runner-up and the margin between their logits."""

    token_ids: tuple[int, ...]
    runners_up: tuple[int, ...]
    margins: tuple[float, ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """An answer from elsewhere, held against the model's own.

    `difference` is None where every token is the model's choice or the runner-up of a tie, and tells
    the first other token else. `ended` is whether the model itself would end there, and `text` what it
    would say, by `token_ids`. `ties` holds the margins of the ties that were met.
    """

    difference: str | None
    text: str
    ended: bool
    ties: tuple[float, ...]
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GreedyModel:
    """A causal LM with what ends its answers. `max_new_tokens` counts an end token too."""

    model: "PreTrainedModel"
    tokenizer: Any
    end_ids: frozenset[int]
    max_new_tokens: int

    def answer(self, prompt: Sequence[int], begun: Sequence[int] = ()) -> GreedyAnswer:
        """Goes on from `prompt` and the tokens of an answer already `begun`."""
        import torch

        chosen: list[tuple[int, int, float]] = []
        with torch.inference_mode():
            tokens, cache = [*prompt, *begun], None
            while len(begun) + len(chosen) < self.max_new_tokens:
                fed = torch.tensor([tokens], device=self.model.device)
                output = self.model(input_ids=fed, past_key_values=cache, use_cache=True, logits_to_keep=1)
                (best, second), (token, runner_up) = (part.tolist() for part in output.logits[0, -1].topk(2))
                chosen.append((token, runner_up, best - second))
                if token in self.end_ids:
                    break
                tokens, cache = [token], output.past_key_values
        ids, runners_up, margins = zip(*chosen, strict=True) if chosen else ((), (), ())
        return GreedyAnswer(ids, runners_up, margins, bool(ids) and ids[-1] in self.end_ids)

    def logprobs(self, prompt: Sequence[int], answer: Sequence[int]) -> "Tensor":
        """Log probabilities of every token in the place of each token of `answer`: [tokens, vocabulary]."""
        import torch

        with torch.inference_mode():
            ids = torch.tensor([[*prompt, *answer[:-1]]], device=self.model.device)
            logits = self.model(input_ids=ids, logits_to_keep=len(answer)).logits[0].float()
            logprobs: Tensor = logits.log_softmax(-1)
        return logprobs

    def text(self, token_ids: Sequence[int]) -> str:
        """Answer text as Ollama gives it: no special tokens, and nothing tidied up."""
        return str(
            self.tokenizer.decode(
                list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def follow(self, prompt: Sequence[int], text: str) -> Followed:
        """Walks along `text`, taking the runner-up where a tie went the other way. Outer white space
        does not count, as in scoring."""
        taken: list[int] = []
        ties: tuple[float, ...] = ()
        while True:
            own = self.answer(prompt, taken)
            ids = [*taken, *own.token_ids]
            own_text = self.text(ids)
            if own_text.strip() == text.strip():
                return Followed(None, own_text, own.ended, ties, tuple(ids))
            place = self._tie(taken, own, text)
            if place is None:
                difference = describe_difference(text.strip(), own_text.strip())
                return Followed(difference, own_text, own.ended, ties, tuple(ids))
            taken += [*own.token_ids[:place], own.runners_up[place]]
            ties += (own.margins[place],)
            if taken[-1] in self.end_ids:
                return Followed(None, self.text(taken), True, ties, tuple(taken))

    def _tie(self, taken: Sequence[int], own: GreedyAnswer, text: str) -> int | None:
        """Where `text` leaves the model's answer for the runner-up of a tie; None where it does not."""
        for place in reversed(range(len(own.token_ids))):
            runner_up = own.runners_up[place]
            before = self.text([*taken, *own.token_ids[:place]])
            after = self.text([*taken, *own.token_ids[:place], runner_up])
            ends = runner_up in self.end_ids
            fits = before.strip() == text.strip() if ends else _begins(text, after) and _begins(text, before)
            if own.margins[place] < TIE_MARGIN and fits:
                return place
        return None


def _begins(text: str, start: str) -> bool:
    """Whether `text` begins with `start`, which may end inside a character."""
    return text.lstrip().startswith(start.rstrip("\N{REPLACEMENT CHARACTER}").lstrip())
