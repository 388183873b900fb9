"""The padded layout: equal to Trainer, to the packed layout and to each row alone, also in a cohort."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.space.trial_config import TrialConfig
from sweeper.training import engine as engine_module
from sweeper.training.batch import Batch
from sweeper.training.engine import LAYOUTS, Engine, Layout
from sweeper.training.padded import pad
from sweeper.training.slot import Slot
from tests.training.tiny import random_chats, random_rows, sliding_window_model, tiny_model
from tests.training.trainer_reference import (
    largest_difference,
    relative_norm,
    slot_tensors,
    train_with_engine,
    train_with_trainer,
)

ROUNDING = 1e-5
CONFIG = TrialConfig(
    learning_rate=1e-2,
    lora_rank=4,
    lora_alpha=16,
    effective_batch_size=8,
    max_grad_norm=0.5,
    warmup_steps=3,
    lr_scheduler_type="cosine",
)


def test_two_slots_by_hand() -> None:
    first, second = EncodedRow((5, 6, 7, 8), 3), EncodedRow((5, 6, 9), 2)
    batch = pad([[first, second], [second]])
    assert batch.input_ids.tolist() == [
        [5, 6, 7, 8, 0, 0, 0, 0],
        [5, 6, 9, *[0] * 5],
        [5, 6, 9, *[0] * 5],
        [0] * 8,
    ]
    labelled = [
        [(at, token) for at, token in enumerate(row) if token != IGNORED] for row in batch.labels.tolist()
    ]
    assert labelled == [[(2, 8)], [(1, 9)], [(1, 9)], []]
    assert batch.real.sum(dim=1).tolist() == [4, 3, 3, 0]
    assert (batch.rows_per_slot, batch.slots) == (2, 2)
    assert batch.attention_mask is None


@pytest.mark.parametrize("rows", [random_rows(77), random_chats(77)], ids=["rows", "chats"])
@pytest.mark.parametrize("micro_batch", [1, 4, 8])
def test_ten_steps_equal_trainer(micro_batch: int, rows: list[EncodedRow]) -> None:
    engine = Engine(tiny_model(), layout="padded")
    _, ours = train_with_engine(engine, CONFIG, rows, micro_batch, seed=3)
    differences = largest_difference(
        ours, train_with_trainer(tiny_model(), CONFIG, rows, micro_batch, 3, ours.start)
    )
    print(f"padded, micro-batch {micro_batch}: largest difference {differences}")
    assert max(differences.values()) < ROUNDING


def slots_of(engine: Engine, by_length: bool) -> Iterator[Slot]:
    """Micro-batches of several sizes, so that some slots are filled up with empty rows."""
    settings: list[tuple[dict[str, Any], int]] = [
        ({}, 4),
        ({"lora_rank": 2, "lora_dropout": 0.1}, 8),
        ({"target_modules": ("v_proj", "up_proj")}, 1),
    ]
    for seed, (changes, micro_batch) in enumerate(settings):
        rows = random_rows(40, seed, prefix=6 * (seed + 1))
        config = replace(CONFIG, **changes)
        yield Slot(config, rows, engine.layers, micro_batch, seed, layout="padded" if by_length else None)


def trained(layout: Layout, together: bool, by_length: bool = False) -> list[Slot]:
    engine = Engine(tiny_model(), layout=layout)
    slots = list(slots_of(engine, by_length))
    for cohort in [slots] if together else [[slot] for slot in slots]:
        list(engine.train(cohort))
    return slots


def largest(ones: list[Slot], others: list[Slot]) -> float:
    return max(relative_norm(slot_tensors(b), slot_tensors(a)) for a, b in zip(ones, others, strict=True))


def test_together_equals_alone_also_with_dropout() -> None:
    difference = largest(trained("padded", False), trained("padded", True))
    print(f"padded, three slots against one: largest relative difference {difference:.1e}")
    assert difference < ROUNDING


def test_padded_equals_packed_also_with_dropout() -> None:
    difference = largest(trained("packed", True), trained("padded", True))
    print(f"padded against packed: largest relative difference {difference:.1e}")
    assert difference < ROUNDING


def test_rows_sorted_within_their_window_train_the_same() -> None:
    plain, by_length = (trained("padded", True, flag) for flag in (False, True))
    without_dropout = [0, 2]  # masks go with micro-batches, whose rows change
    difference = largest(*([slots[at] for at in without_dropout] for slots in (plain, by_length)))
    assert difference < ROUNDING


def test_sorting_spares_padding() -> None:
    def places(by_length: bool) -> int:
        layers = Engine(tiny_model()).layers
        slot = Slot(CONFIG, random_rows(64, longest=40), layers, 2, 0, layout="padded" if by_length else None)
        return sum(pad([slot.next_micro_batch()]).real.numel() for _ in range(4))

    assert places(True) < places(False)


def swapped_owner(batch: Batch) -> Batch:
    """Row 0 of each slot goes to the next."""
    order = list(range(len(batch.input_ids)))
    firsts = order[:: batch.rows_per_slot]
    for at, taken in zip(firsts, [*firsts[1:], firsts[0]], strict=True):
        order[at] = taken
    return replace(
        batch, input_ids=batch.input_ids[order], labels=batch.labels[order], real=batch.real[order]
    )


def trained_padding(batch: Batch) -> Batch:
    return replace(batch, labels=torch.where(batch.real, batch.labels, 1))


def shifted_label(batch: Batch) -> Batch:
    return replace(batch, labels=batch.labels.roll(1, dims=1))


@pytest.mark.parametrize("fault", [swapped_owner, trained_padding, shifted_label])
def test_planted_faults_are_caught(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = trained("packed", True)
    monkeypatch.setattr(engine_module, "pad", lambda groups: fault(pad(groups)))
    assert largest(expected, trained("padded", True)) > 10 * ROUNDING


def test_a_sliding_window_is_lost_by_the_packed_layout_and_kept_by_the_padded() -> None:
    rows = random_rows(6)
    packed, padded = (Engine(sliding_window_model(), layout=layout) for layout in LAYOUTS)
    assert packed.check_layout(rows) > 1e-2
    assert padded.check_layout(rows) < 1e-5


def test_a_layout_that_sees_behind_itself_is_caught() -> None:
    engine = Engine(tiny_model(), layout="padded")
    decoder = engine.decoder

    class Seeing(torch.nn.Module):
        def forward(self, attention_mask: Any, input_ids: torch.Tensor, **inputs: Any) -> Any:
            rows, length = input_ids.shape
            everything = torch.ones(rows, 1, length, length, dtype=torch.bool)
            return decoder(attention_mask=everything, input_ids=input_ids, **inputs)

    engine.decoder = Seeing()
    assert engine.check_layout(random_rows(6)) > 1e-2
