"""What long rows come to on a GPU: padded, and attention asked for as flash kernels take it.

Not covered, for no GPU has run it: that CUDA then does take such a kernel, and what it gains.
"""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.layouts import MASK_TOKENS, BaseShape, Layout, choose_layout
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model

LLAMA_8B = BaseShape(hidden_size=4096, device="cuda")
SMOL = BaseShape(hidden_size=576, device="cuda")


@pytest.mark.parametrize("shape", [LLAMA_8B, SMOL])
@pytest.mark.parametrize(
    ("lengths", "prefix", "micro_batch", "layout"),
    [
        ([1024] * 16, 0, 4, "padded"),
        ([4096] * 8, 0, 1, "padded"),
        ([8192] * 4, 0, 1, "padded"),
        ([2000] * 8, 40, 8, "padded"),  # what is shared is nothing beside what is masked
        ([MASK_TOKENS + 1], 0, 1, "padded"),  # beyond the dense mask, whatever it costs
        ([64] * 16, 40, 8, "packed"),
    ],
)
def test_the_choice(
    shape: BaseShape, lengths: Sequence[int], prefix: int, micro_batch: int, layout: Layout
) -> None:
    assert choose_layout(shape, lengths, prefix, 16, micro_batch) == layout


def test_a_row_beyond_the_mask_is_padded_even_where_its_prefix_is_nearly_all_of_it() -> None:
    assert choose_layout(LLAMA_8B, [MASK_TOKENS + 64] * 16, MASK_TOKENS, 16, 16) == "padded"
    assert choose_layout(LLAMA_8B, [MASK_TOKENS // 2] * 16, MASK_TOKENS // 2 - 20, 16, 16) == "packed"


def asked_of_attention(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Of each call in a training step: whether there was a mask, and whether it was to be causal."""
    exact = torch.nn.functional.scaled_dot_product_attention
    asked: list[tuple[bool, bool]] = []

    def seen(*arguments: Any, **named: Any) -> torch.Tensor:
        asked.append((named.get("attn_mask") is not None, bool(named.get("is_causal"))))
        return exact(*arguments, **named)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", seen)
    engine = Engine(tiny_model())
    slots = [
        Slot(TrialConfig(lora_rank=rank, effective_batch_size=4), random_rows(4), engine.layers, 2, 0)
        for rank in (2, 4)
    ]
    for slot in slots:
        slot.layout = layout
    list(engine.train(slots))
    return asked


def test_padded_rows_ask_for_causal_attention_without_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of_attention("padded", monkeypatch)
    assert asked  # flash kernels take no mask, and cuDNN's and torch's all take is_causal
    assert set(asked) == {(False, True)}


def test_packed_rows_ask_with_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(asked_of_attention("packed", monkeypatch)) == {(True, False)}
