"""lora_dropout: where it acts, how often, and that its masks depend on nothing but their place."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.dropout import DropoutDraw
from sweeper.training.engine import Engine
from sweeper.training.packed import pack
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import active_slots
from tests.training.tiny import random_rows, tiny_model
from tests.training.trainer_reference import relative_norm, slot_tensors

ROUNDING = 1e-5
CONFIG = TrialConfig(learning_rate=1e-2, lora_rank=4, lora_alpha=16, lora_dropout=0.3)


def draw(tokens: int, probability: float = 0.3, key: str = "0/0/0") -> DropoutDraw:
    return DropoutDraw(probability, key, torch.arange(tokens))


def random_adapter(slot: Slot) -> None:
    """A B of zeros would hide all that happens before it."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for weights in slot.adapter.values():
            weights.lora_b.normal_(std=0.05, generator=generator)


@pytest.mark.parametrize("probability", [0.05, 0.3, 0.9])
def test_the_rate_is_what_was_asked_in_all_and_in_each_feature(probability: float) -> None:
    tokens, features = 4000, 64
    kept = draw(tokens, probability).kept(0, torch.zeros(tokens, features))
    values = kept.unique().tolist()
    assert values[0] == 0.0
    assert values[1:] == [pytest.approx(1 / (1 - probability))]
    dropped = (kept == 0).double()
    # Five standard errors of a binomial share: one false alarm in two million.
    deviation = math.sqrt(probability * (1 - probability))
    assert abs(float(dropped.mean()) - probability) < 5 * deviation / math.sqrt(tokens * features)
    by_feature = (dropped.mean(dim=0) - probability).abs().max()
    assert float(by_feature) < 5 * deviation / math.sqrt(tokens)


def test_masks_of_two_places_have_nothing_in_common() -> None:
    rows = torch.zeros(2000, 32)
    first = draw(2000).kept(0, rows) == 0
    others = [draw(2000, key="0/1/0").kept(0, rows), draw(2000, key="0/0/1").kept(0, rows)]
    for other in [*others, draw(2000, key="1/0/0").kept(0, rows), draw(2000).kept(1, rows)]:
        both = float((first & (other == 0)).double().mean())
        assert abs(both - 0.09) < 5 * math.sqrt(0.09 * 0.91 / first.numel())
    assert torch.equal(first, draw(2000).kept(0, rows) == 0)


def test_peft_with_the_same_masks_gives_the_same_logits() -> None:
    from peft import LoraConfig, get_peft_model

    engine = Engine(tiny_model())
    slot = Slot(CONFIG, random_rows(1), engine.layers, 1, seed=0)
    random_adapter(slot)
    row = slot.rows[0]
    dropout = draw(len(row.input_ids))
    with active_slots(engine.layers, [slot.adapter], [dropout]), torch.no_grad():
        ours = engine.model(input_ids=torch.tensor([row.input_ids])).logits

    class Fixed(torch.nn.Module):
        def __init__(self, layer: int) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * dropout.kept(self.layer, inputs[0])

    config = LoraConfig(r=4, lora_alpha=16, lora_dropout=0.3, target_modules="all-linear")
    peft = get_peft_model(tiny_model(), config)
    for name, weights in slot.adapter.items():
        layer = peft.get_submodule(f"base_model.model.{name}")
        layer.lora_A["default"].weight.data.copy_(weights.lora_a)
        layer.lora_B["default"].weight.data.copy_(weights.lora_b)
        layer.lora_dropout["default"] = Fixed(engine.layers[name].number)
    with torch.no_grad():
        theirs = peft(input_ids=torch.tensor([row.input_ids])).logits
        with active_slots(engine.layers, [slot.adapter]):
            undropped = engine.model(input_ids=torch.tensor([row.input_ids])).logits
    assert float((ours - theirs).abs().max()) < 1e-4
    assert float((ours - undropped).abs().max()) > 0.1


def slots_of(engine: Engine) -> Iterator[Slot]:
    rows = random_rows(40)
    longer = random_rows(40, seed=1, prefix=20)
    yield Slot(CONFIG, rows, engine.layers, 4, seed=1)
    yield Slot(replace(CONFIG, lora_rank=2, lora_dropout=0.1), longer, engine.layers, 8, seed=2)
    yield Slot(replace(CONFIG, lora_dropout=0.0), rows, engine.layers, 2, seed=3)


def alone_against_together() -> float:
    engine = Engine(tiny_model())
    alone = list(slots_of(engine))
    for slot in alone:
        list(engine.train([slot]))
    engine = Engine(tiny_model())
    together = list(slots_of(engine))
    list(engine.train(together))
    pairs = zip(alone, together, strict=True)
    return max(relative_norm(slot_tensors(b), slot_tensors(a)) for a, b in pairs)


def test_a_slot_drops_the_same_alone_and_among_others() -> None:
    difference = alone_against_together()
    print(
        f"largest relative difference of an adapter with dropout, three slots against one: {difference:.1e}"
    )
    assert difference < ROUNDING


def test_masks_drawn_over_the_padding_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = DropoutDraw.kept

    def over_all(self: DropoutDraw, layer: int, rows: torch.Tensor) -> torch.Tensor:
        # Reversed, since a mask that is longer than another begins like it.
        whole = DropoutDraw(self.probability, self.key, torch.arange(len(rows)))
        return exact(whole, layer, rows).flip(0)

    monkeypatch.setattr(DropoutDraw, "kept", over_all)
    assert alone_against_together() > 10 * ROUNDING


def test_recomputation_draws_the_same() -> None:
    from torch.utils.checkpoint import checkpoint

    engine = Engine(tiny_model())
    layer = next(iter(engine.layers.values()))
    slot = Slot(CONFIG, random_rows(1), engine.layers, 1, seed=0)
    random_adapter(slot)
    weights = next(iter(slot.adapter.values()))
    inputs = torch.randn(1, 10, layer.base.in_features, generator=torch.Generator().manual_seed(1))
    gradients = []
    for recompute in (False, True):
        with active_slots(engine.layers, [slot.adapter], [draw(10)]):
            output = checkpoint(layer, inputs, use_reentrant=False) if recompute else layer(inputs)
            gradients.append(torch.autograd.grad(output.square().sum(), [weights.lora_a, weights.lora_b]))
    assert all(torch.equal(kept, again) for kept, again in zip(*gradients, strict=True))


def test_rows_with_dropout_share_no_prefix() -> None:
    rows = random_rows(4)
    shared, apart = pack([rows, rows], [True, False]).real.sum(dim=1).tolist()
    assert apart == sum(len(row.input_ids) for row in rows)
    assert shared < apart
    engine = Engine(tiny_model())
    seen = []
    exact = Engine.loss_sums
    slot = Slot(CONFIG, rows, engine.layers, 4, seed=0)
    engine.loss_sums = lambda batch: seen.append(batch) or exact(engine, batch)  # type: ignore
    engine.micro_step([slot])
    assert int(seen[0].real.sum()) == apart
