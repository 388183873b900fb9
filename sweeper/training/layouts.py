"""Which row layout a trial trains in. Pure: a base's shape and row lengths in, a layout out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sweeper.space.trial_config import TrialConfig

Layout = Literal["packed", "padded"]
LAYOUTS: tuple[Layout, ...] = ("packed", "padded")
"""In the order in which they are tried: packed rows compute least, padded ones suit more architectures."""

PACKABLE = frozenset(
    (
        *("llama", "mistral", "ministral", "qwen2", "qwen3", "phi", "phi3", "gemma", "gemma2", "gemma3_text"),
        *("smollm3", "olmo", "olmo2", "olmo3", "granite", "starcoder2", "stablelm", "cohere", "cohere2"),
        *("glm", "glm4", "gpt_neox", "helium", "ernie4_5", "seed_oss", "nemotron", "arcee"),
    )
)
"""transformers' model types whose attention was seen to honour the packed layout's mask (tests hold them
to it). Those that are not here are padded; all are checked again at load, with their own weights."""

MASK_TOKENS = 4096
"""Tokens of a packed row, at most: its mask and the scores behind it hold the square of that."""

_MASKED_ATTENTION = {"cpu": 1.0, "cuda": 2.0}
"""How much dearer attention under a dense mask is than the same products without one. That of CUDA,
where it loses the flash kernel, is taken from what is written of it: no GPU has run this yet."""


@dataclass(frozen=True, slots=True)
class BaseShape:
    """What of a base decides a layout's cost. `may_pack` where it was seen to honour the packed mask."""

    may_pack: bool = True
    hidden_size: int = 512
    device: str = "cpu"


def choose_layout(
    shape: BaseShape,
    row_lengths: Sequence[int],
    prefix: int,
    effective_batch_size: int,
    micro_batch_size: int,
) -> Layout:
    """The layout with the lower estimated cost, packed where both are equal."""
    if not shape.may_pack:
        return "padded"
    costs = estimated_costs(shape, row_lengths, prefix, effective_batch_size, micro_batch_size)
    return min(LAYOUTS, key=costs.__getitem__)


def estimated_costs(
    shape: BaseShape,
    row_lengths: Sequence[int],
    prefix: int,
    effective_batch_size: int,
    micro_batch_size: int,
) -> dict[Layout, float]:
    """Multiplications of a decoder layer over all rows, in the order of the data.

    `row_lengths` are in tokens, after the cut; `prefix` is what all rows begin with and may share, 0 for
    a trial with dropout. Rows are sorted within an optimizer step where they are padded, as `Slot` does.
    Packed rows too long for a dense mask cost infinitely much.
    """
    packed = padded = 0.0
    for window in _groups(row_lengths, effective_batch_size):
        for group in _groups(window, micro_batch_size):
            tokens = prefix + sum(length - prefix for length in group)
            masked = _MASKED_ATTENTION[shape.device] if tokens <= MASK_TOKENS else math.inf
            packed += _cost(shape, tokens, masked)
        for group in _groups(sorted(window), micro_batch_size):
            padded += len(group) * _cost(shape, max(group), 0.5)  # causal: half of the products
    return {"packed": packed, "padded": padded}


def _groups(lengths: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (lengths[start : start + size] for start in range(0, len(lengths), size))


def _cost(shape: BaseShape, tokens: int, attention: float) -> float:
    """Multiplications of one decoder layer over a row: its matrices have about 12 hidden² numbers, and
    attention takes two products of tokens² x hidden."""
    return tokens * 12 * shape.hidden_size**2 + attention * 2 * tokens**2 * shape.hidden_size


def layout_of_trial(
    config: TrialConfig,
    row_lengths: Sequence[int],
    prompt_lengths: Sequence[int],
    shared_prefix: int,
    shape: BaseShape,
    micro_batch_size: int,
) -> Layout:
    """The layout that a trial trains in, from the uncut rows: rows that keep no label are left out."""
    longest = config.max_seq_length
    pairs = zip(row_lengths, prompt_lengths, strict=True)
    lengths = [min(length, longest) for length, prompt in pairs if prompt < longest]
    prefix = 0 if config.lora_dropout else min(shared_prefix, longest - 1)
    return choose_layout(shape, lengths, prefix, config.effective_batch_size, micro_batch_size)
