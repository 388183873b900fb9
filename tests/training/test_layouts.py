"""Which layout a trial trains in, by cost; and that the architectures on the list honour the packed one."""

from typing import Any

import pytest
import torch

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.training.engine import Engine
from sweeper.training.layouts import MASK_TOKENS, PACKABLE, BaseShape, choose_layout
from sweeper.training.packed import pack, shared_length
from tests.training.tiny import random_rows, tiny_model

SHAPE = BaseShape(hidden_size=576)


@pytest.mark.parametrize(
    ("lengths", "prefix", "micro_batch", "layout"),
    [
        ([60] * 16, 36, 8, "packed"),  # short rows that share their instruction
        ([20, 60, 35, 80] * 4, 0, 8, "packed"),  # much padding
        ([1000] * 16, 0, 2, "padded"),  # nothing shared, nothing padded: the mask alone is left
        ([1000] * 16, 0, 1, "padded"),
        ([1000] * 16, 900, 4, "packed"),
        ([MASK_TOKENS + 1] + [20] * 15, 0, 1, "padded"),  # beyond the dense mask
        ([MASK_TOKENS // 2] * 16, 0, 4, "padded"),
    ],
)
def test_the_cheaper_one_is_chosen(lengths: list[int], prefix: int, micro_batch: int, layout: str) -> None:
    assert choose_layout(SHAPE, lengths, prefix, 16, micro_batch) == layout


def test_a_base_that_does_not_honour_the_mask_is_padded() -> None:
    assert choose_layout(BaseShape(may_pack=False), [60] * 16, 36, 16, 8) == "padded"


def test_on_a_gpu_a_mask_is_dearer() -> None:
    on_gpu = BaseShape(hidden_size=576, device="cuda")
    assert choose_layout(SHAPE, [400] * 16, 150, 16, 4) == "packed"
    assert choose_layout(on_gpu, [400] * 16, 150, 16, 4) == "padded"


def test_no_mask_is_made_beyond_its_bound() -> None:
    engine = Engine(tiny_model(max_position_embeddings=8192))
    row = EncodedRow(tuple([5] * (MASK_TOKENS // 2 + 8)), 4)
    assert engine.lay_out([[row, row]], [False]).attention_mask is None
    assert engine.lay_out([[row, row]], [False]).input_ids.shape[0] == 2
    assert engine.lay_out([[row]], [False]).attention_mask is not None


def small(model_type: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        model_type,
        vocab_size=96,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    for name, value in (("logits_scaling", 4.0), ("logit_scale", 0.5), ("final_logit_softcapping", 3.0)):
        if getattr(config, name, None) is not None:
            setattr(config, name, value)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("model_type", sorted(PACKABLE))
def test_packed_rows_have_the_logits_of_rows_alone(model_type: str) -> None:
    assert Engine(small(model_type)).check_layout(random_rows(5)) < 1e-5


def test_eager_attention_honours_the_mask_too() -> None:
    engine = Engine(tiny_model(attn_implementation="eager"))
    assert engine.check_layout(random_rows(6)) < 1e-5


TEXTS = [
    EncodedRow((5, 6, 7, 8, 9), 1),
    EncodedRow((5, 6, 7, 4), 1),
    EncodedRow((5, 6, 7, 8, 3), 1),
]
"""As `train_on: all` has them: every token is learned."""


def test_a_shared_label_stands_once_and_weighs_as_many_rows() -> None:
    assert shared_length(TEXTS) == 0
    assert shared_length(TEXTS, over_labels=True) == 2  # what predicts 8 or 4 is each row's own
    batch = pack([TEXTS], over_labels=True)
    assert batch.weights is not None
    assert batch.labels[0].tolist()[:4] == [6, 7, 8, 9]
    assert batch.weights[0].tolist()[:5] == [3, 3, 1, 1, 1]
    labelled = batch.labels != IGNORED
    assert float(batch.weights[labelled].sum()) == sum(row.label_count for row in TEXTS)
    assert pack([TEXTS]).weights is None


def test_a_row_that_is_the_beginning_of_another() -> None:
    rows = [EncodedRow((5, 6, 7), 1), EncodedRow((5, 6, 7, 8), 1)]
    assert shared_length(rows, over_labels=True) == 2
    assert shared_length([rows[0], rows[0]], over_labels=True) == 2


def test_weighted_losses_and_gradients_are_those_of_rows_that_share_nothing() -> None:
    rows = [EncodedRow(row.input_ids, 1) for row in random_rows(6, prefix=9)]
    found = []
    for share in (True, False):
        engine = Engine(tiny_model(), share)
        embedding = engine.model.get_input_embeddings().weight.requires_grad_()
        batch = engine.lay_out([rows], [True], over_labels=True)
        loss = engine.loss_sums(batch).sum()
        found.append((int(batch.real.sum()), loss.detach(), *torch.autograd.grad(loss, embedding)))
    (few, shared, one), (many, apart, other) = found
    assert few == many - 5 * 8
    torch.testing.assert_close(shared, apart, rtol=1e-5, atol=0)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
