"""target_loss is the plain loss of the expected answers, whatever is packed, shared or trained beside it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.data.template import template_of
from sweeper.scoring.suite import Case, Suite
from sweeper.scoring.target_loss import expected_rows, rung_rows, target_loss
from sweeper.space.trial_config import TrialConfig
from sweeper.training import engine as engine_module
from sweeper.training import row_losses as module
from sweeper.training.adapter_files import save_adapter
from sweeper.training.batch import Batch
from sweeper.training.engine import Engine, Layout
from sweeper.training.packed import pack
from sweeper.training.slot import Slot
from tests.scoring.plain_target_loss import plain_target_loss
from tests.scoring.tiny_tokenizer import tiny_tokenizer
from tests.training.tiny import random_rows, tiny_model

ROUNDING = 1e-6
CASES = random_rows(30, seed=7)


@pytest.mark.parametrize("tokens", [1, 64, 1024])
@pytest.mark.parametrize(("share_prefix", "layout"), [(True, "packed"), (False, "packed"), (True, "padded")])
def test_it_equals_one_case_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tokens: int, share_prefix: bool, layout: Layout
) -> None:
    monkeypatch.setattr(module, "BATCH_TOKENS", tokens)
    expected = plain_target_loss(tiny_model(), CASES)
    found = target_loss(Engine(tiny_model(), share_prefix, layout), {}, CASES)
    assert found == pytest.approx(expected, rel=ROUNDING)


def test_with_an_adapter_it_equals_peft(tmp_path: Path) -> None:
    from peft import PeftModel

    config = TrialConfig(learning_rate=1e-2, lora_rank=4, lora_dropout=0.2)
    engine = Engine(tiny_model())
    slot = Slot(config, random_rows(16), engine.layers, 4, seed=0)
    list(engine.train([slot]))
    save_adapter(tmp_path / "adapter", slot.adapter, "tiny", config)
    expected = plain_target_loss(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "adapter")), CASES)
    assert target_loss(engine, slot.adapter, CASES) == pytest.approx(expected, rel=ROUNDING)
    assert abs(expected - target_loss(engine, {}, CASES)) > 0.01
    assert not any(layer.active for layer in engine.layers.values())


def test_each_case_counts_once_however_long_its_answer() -> None:
    short = EncodedRow((5, 6, 7), 2)
    long = EncodedRow((5, 6, *range(10, 30)), 2)
    engine = Engine(tiny_model())
    alone = [target_loss(engine, {}, [case]) for case in (short, long)]
    assert abs(alone[0] - alone[1]) > 0.05
    assert target_loss(engine, {}, [short, long]) == pytest.approx(sum(alone) / 2, rel=ROUNDING)


@pytest.mark.parametrize("fault", ["a label lost", "a case beside another", "tokens, not cases"])
def test_planted_faults_are_caught(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    counts = [case.label_count for case in CASES]

    def faulty(*arguments: Any) -> Batch:
        batch = pack(*arguments)
        if fault == "a label lost":
            labels = batch.labels.clone()
            place = int((labels[0] != IGNORED).nonzero()[0, 0])
            labels[0, place] = 1
            return replace(batch, labels=labels)
        length = batch.input_ids.shape[1]
        return replace(batch, attention_mask=torch.ones(1, 1, length, length, dtype=torch.bool).tril())

    engine = Engine(tiny_model())
    expected = plain_target_loss(tiny_model(), CASES)
    if fault == "tokens, not cases":
        with torch.inference_mode():
            by_case = torch.tensor([target_loss(engine, {}, [case]) for case in CASES])
        found = float((by_case * torch.tensor(counts)).sum() / sum(counts))
    else:
        monkeypatch.setattr(engine_module, "pack", faulty)
        found = target_loss(engine, {}, CASES)
    assert found != pytest.approx(expected, rel=100 * ROUNDING)


def test_a_broken_adapter_gives_no_number() -> None:
    engine = Engine(tiny_model())
    slot = Slot(TrialConfig(lora_rank=2), CASES, engine.layers, 4, seed=0)
    with torch.no_grad():
        next(iter(slot.adapter.values())).lora_b.fill_(torch.nan)
    assert not target_loss(engine, slot.adapter, CASES) < 1e30


def test_cases_become_rows_of_prompt_and_answer() -> None:
    template = template_of(tiny_tokenizer(end=1, special=2))
    cases = (Case("a", "w11 w7", "w9", "w3 w4"), Case("b", "w12 w7", "w9", ""))
    (row,) = expected_rows(Suite("words", Path("words.jsonl"), cases, 6), template)
    assert list(row.input_ids[: row.prompt_length]) == template.token_ids(template.prompt("w11 w7", "w9"))
    assert list(row.input_ids[row.prompt_length :]) == template.token_ids("w3 w4" + template.end)


def test_batches_keep_the_order_and_are_as_long_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_TOKENS", 64)
    batches = list(module._batches(CASES, prefix=6))
    assert [case for batch in batches for case in batch] == CASES
    lengths = [6 + sum(len(case.input_ids) - 6 for case in batch) for batch in batches]
    assert max(lengths) <= 64
    pairs = zip(lengths, batches[1:], strict=False)
    assert all(length + len(following[0].input_ids) - 6 > 64 for length, following in pairs)


def test_a_rung_looks_at_the_same_part_of_the_cases_each_time() -> None:
    part = rung_rows(CASES, 12)
    assert rung_rows(CASES, 12) == part
    places = [CASES.index(case) for case in part]
    assert len(set(places)) == 12
    assert places == sorted(places)
    assert places != list(range(12))  # cases of one kind often stand together
    assert rung_rows(CASES, len(CASES)) == tuple(CASES)
