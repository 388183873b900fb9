"""A step on fake tensors against the same step on real ones."""

from dataclasses import replace

import pytest
import torch

from sweeper.memory.cuda_kernels import cuda_kernels
from sweeper.memory.engine_step import run_engine_step
from sweeper.memory.fake_base import build_base
from sweeper.memory.parts import PARTS
from sweeper.memory.replay import new_tracker, peak_of, replay
from sweeper.memory.settings import BaseSettings, EngineStep, TrainerStep
from tests.memory.small import SMALL

ON_CPU = BaseSettings(dtype="float32", device="cpu")


@pytest.mark.parametrize(
    "step",
    [
        EngineStep(ON_CPU, "packed", 2, 96, 8),
        EngineStep(ON_CPU, "packed", 3, 64, 4, cohort=2, prompt_length=40, shared_prefix=24),
        EngineStep(ON_CPU, "padded", 2, 96, 8),
        EngineStep(ON_CPU, "padded", 2, 96, 8, gradient_checkpointing=True, prompt_length=50),
    ],
)
def test_fake_and_real_tensors_hold_the_same(step: EngineStep) -> None:
    """What fake tensors cannot know, such as the number of labels, was answered as it is."""
    fake = replay(SMALL, step)
    tracker = new_tracker(SMALL, "cpu")
    with tracker:
        run_engine_step(build_base(SMALL, step.base), step, tracker, warm=False)
    real = peak_of(tuple(tracker.moments))
    assert fake.peak.peak_bytes == pytest.approx(real.peak_bytes, rel=0.001)
    for part in PARTS:
        assert fake.peak.parts[part] == pytest.approx(real.parts[part], rel=0.01, abs=4096)


def test_the_second_step_alone_has_the_peak_of_both() -> None:
    step = EngineStep(BaseSettings(), seq_length=128)
    assert replay(SMALL, step, warm=True).peak.peak_bytes == pytest.approx(
        replay(SMALL, step).peak.peak_bytes, rel=1e-3
    )


def test_parts_are_what_arithmetic_says() -> None:
    parts = replay(SMALL, EngineStep(BaseSettings(dtype="bfloat16"), lora_rank=8, seq_length=128)).peak.parts
    widths = [(64, 64), (64, 32), (64, 32), (64, 64), (64, 160), (64, 160), (160, 64)]
    linear = 4 * sum(rows * columns for rows, columns in widths)
    adapter = 4 * sum(8 * (rows + columns) for rows, columns in widths)
    embeddings, norms = 2 * 512 * 64, (2 * 4 + 1) * 64
    assert parts["weights"] == pytest.approx(2 * (linear + embeddings + norms), rel=0.03)
    assert parts["adapters"] == pytest.approx(4 * adapter, rel=0.03)
    assert parts["optimizer"] >= 2 * parts["adapters"]


def test_nf4_takes_half_a_byte_a_weight_and_an_eighth_of_a_byte_of_scales_a_block() -> None:
    step = EngineStep(BaseSettings(), seq_length=128)
    plain = replay(SMALL, step).peak.parts["weights"]
    nf4 = replay(SMALL, replace(step, base=BaseSettings(quantization="nf4"))).peak.parts["weights"]
    linear = 4 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160)
    saved = linear * 2 - linear * (0.5 + 1 / 64 + 4 / 64 / 256)
    small_tensors = 4 * 7 * 6 * 512 + 4 * 7 * 1024  # codes and offsets round up to whole blocks
    assert saved - small_tensors <= plain - nf4 <= saved


def test_checkpointing_holds_less_activations() -> None:
    step = EngineStep(BaseSettings(), seq_length=512)
    without = replay(SMALL, step, warm=True).peak.parts["activations"]
    assert replay(SMALL, replace(step, gradient_checkpointing=True), warm=True).peak.parts["activations"] < (
        0.6 * without
    )


def test_the_packed_layout_pays_for_its_mask_in_every_layer() -> None:
    padded = replay(SMALL, EngineStep(BaseSettings(), "padded", 1, 384), warm=True).peak.parts
    packed = replay(SMALL, EngineStep(BaseSettings(), "packed", 1, 384), warm=True).peak.parts
    assert padded["mask"] == 0
    assert packed["mask"] >= 4 * 2 * 384 * 384


def test_8_bit_state_is_a_quarter_and_paged_state_is_not_on_the_device() -> None:
    wide = EngineStep(BaseSettings(), seq_length=128, lora_rank=256)
    full = replay(SMALL, wide, warm=True).resident_parts["optimizer"]
    eight = replay(SMALL, replace(wide, optim="adamw_8bit"), warm=True).resident_parts["optimizer"]
    assert eight == pytest.approx(full / 4, rel=0.1)
    paged = replay(SMALL, replace(wide, optim="paged_adamw_8bit"), warm=True).resident_parts["optimizer"]
    assert paged <= eight


def test_attention_on_cuda_keeps_no_scores_without_a_mask() -> None:
    query = torch.empty(1, 4, 256, 64, dtype=torch.bfloat16, device="meta", requires_grad=True)
    with cuda_kernels():
        plain = torch.nn.functional.scaled_dot_product_attention(query, query, query, is_causal=True)
        mask = torch.ones(1, 1, 256, 256, dtype=torch.bool, device="meta")
        masked = torch.nn.functional.scaled_dot_product_attention(query, query, query, attn_mask=mask)
    assert "Flash" in type(plain.grad_fn).__name__
    assert "Efficient" in type(masked.grad_fn).__name__


@pytest.mark.parametrize("upcast", ["none", "norms", "all"])
def test_a_trainer_step_upcasts_what_it_says(upcast: str) -> None:
    step = TrainerStep(BaseSettings(quantization="nf4"), seq_length=64, autocast=True, upcast=upcast)  # type: ignore[arg-type]
    weights = replay(SMALL, step).peak.parts["weights"]
    plain = replay(SMALL, replace(step, upcast="none")).peak.parts["weights"]
    norms, embeddings = (2 * 4 + 1) * 64, 2 * 512 * 64
    more = {"none": 0, "norms": norms, "all": norms + embeddings}[upcast] * 2
    assert weights - plain == pytest.approx(more, abs=9 * 512)


def test_without_a_rank_everything_is_trained() -> None:
    parts = replay(SMALL, TrainerStep(BaseSettings(), lora_rank=None, seq_length=64)).peak.parts
    assert parts["adapters"] == 0
    assert parts["optimizer"] >= 2 * parts["weights"]
