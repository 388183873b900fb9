"""The packed layout: what sees what, and the check that an architecture honours it."""

from typing import Any

import pytest
import torch

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.training.engine import Engine
from sweeper.training.packed import attention_window, pack
from tests.training.tiny import random_chats, random_rows, tiny_model


def test_one_small_batch_by_hand() -> None:
    # Two rows share 5, 6; the prefix ends before the position that predicts a first label.
    rows = [EncodedRow((5, 6, 7, 8), 3), EncodedRow((5, 6, 9), 2)]
    batch = pack([rows])
    assert batch.position_ids is not None
    assert batch.attention_mask is not None
    assert batch.input_ids[0].tolist() == [5, 6, 7, 8, 6, 9, 0, 0]
    assert batch.position_ids is not None
    assert batch.attention_mask is not None
    assert batch.position_ids[0].tolist()[:6] == [0, 1, 2, 3, 1, 2]
    assert batch.labels[0].tolist() == [IGNORED, IGNORED, 8, IGNORED, 9, IGNORED, IGNORED, IGNORED]
    seen = [row.nonzero()[:, 0].tolist() for row in batch.attention_mask[0, 0]]
    assert seen[:6] == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 4], [0, 4, 5]]
    assert seen[6:] == [[6], [7]]


def test_a_turn_between_two_trained_ones_by_hand() -> None:
    row = EncodedRow.with_trained([5, 6, 7, 8, 9, 4], [(1, 3), (4, 5)])
    batch = pack([[row]])
    assert batch.input_ids[0].tolist()[:5] == [5, 6, 7, 8, 9]
    assert batch.labels[0].tolist()[:5] == [6, 7, IGNORED, 9, IGNORED]


@pytest.mark.parametrize("share_prefix", [True, False])
def test_logits_equal_the_rows_alone(share_prefix: bool) -> None:
    engine = Engine(tiny_model(), share_prefix)
    assert engine.check_layout(random_rows(6)) < 1e-5
    assert engine.check_layout(random_chats(6)) < 1e-5


def test_an_architecture_that_ignores_the_mask_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tiny_model())
    decoder = engine.decoder

    class Deaf(torch.nn.Module):
        def forward(self, attention_mask: torch.Tensor, **inputs: Any) -> Any:
            return decoder(**inputs)

    engine.decoder = Deaf()
    assert engine.check_layout(random_rows(6)) > 1e-2


def test_how_far_a_model_looks_back() -> None:
    from transformers import Gemma3TextConfig, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

    assert attention_window(MistralConfig(sliding_window=7)) == 7
    assert attention_window(Gemma3TextConfig(sliding_window=9)) == 9
    for config in (LlamaConfig(), MistralConfig(sliding_window=None), Qwen2Config(), Qwen3Config()):
        assert attention_window(config) is None
