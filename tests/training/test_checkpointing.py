"""A checkpointed base gives the gradients of one that is not, and a 16-bit base PEFT's sums."""

from dataclasses import replace

import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model


def gradients(checkpointed: bool) -> list[torch.Tensor]:
    model = tiny_model()
    engine = Engine(model)
    config = TrialConfig(lora_rank=4, effective_batch_size=4, gradient_checkpointing=checkpointed)
    slot = Slot(config, random_rows(4), engine.layers, 4, seed=0)
    engine.micro_step([slot])
    return [parameter.grad for parameter in slot.parameters if parameter.grad is not None]


def test_gradients_are_the_same_to_the_bit() -> None:
    plain, checkpointed = gradients(False), gradients(True)
    assert len(plain) == 28
    for one, other in zip(plain, checkpointed, strict=True):
        assert torch.equal(one, other)


def test_layers_are_computed_twice() -> None:
    model = tiny_model()
    calls: list[int] = []
    model.model.layers[0].self_attn.register_forward_hook(lambda *_: calls.append(1))
    engine = Engine(model)
    config = TrialConfig(lora_rank=4, effective_batch_size=4, gradient_checkpointing=True)
    slot = Slot(config, random_rows(4), engine.layers, 4, seed=0)
    engine.micro_step([slot])
    assert len(calls) == 2
    plain = Slot(replace(config, gradient_checkpointing=False), random_rows(4), engine.layers, 4, seed=0)
    engine.micro_step([plain])
    assert len(calls) == 3


def test_a_16_bit_base_takes_fp32_adapters() -> None:
    """As PEFT: the change in fp32, the sum rounded once to the base's precision."""
    from sweeper.training.slot_linear import LoraWeights, SlotLinear

    torch.manual_seed(0)
    base = torch.nn.Linear(16, 12, bias=False, dtype=torch.bfloat16)
    weights = LoraWeights(torch.nn.Parameter(torch.randn(4, 16)), torch.nn.Parameter(torch.randn(12, 4)), 2.0)
    layer = SlotLinear(base, 0)
    layer.active, layer.dropouts = (weights,), (None,)
    inputs = torch.randn(1, 5, 16, dtype=torch.bfloat16)
    with torch.no_grad():
        wanted = (
            base(inputs).float() + inputs.float() @ weights.lora_a.T @ weights.lora_b.T * 2.0
        ).bfloat16()
        got = layer(inputs)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, wanted, rtol=1e-2, atol=1e-2)
