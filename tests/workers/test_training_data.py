"""A worker trains on the rows that the space's data section says, and tells how many it leaves out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.data import token_cache
from sweeper.data.encode import IGNORED
from sweeper.events import Event, StepTrained, TrialStarted, ValidationLoss
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.suite import Case, Suite
from sweeper.space.data_settings import DataSettings, HeldOutShare, RowFile
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import WORDS, save_tiny_base

TURNS = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token if m.role == 'assistant' }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.fixture
def setup(tmp_path: Path) -> WorkerSetup:
    save_tiny_base(tmp_path / "base")
    chats = [
        [turn("user", word), turn("assistant", f"{word}!"), turn("user", "again"), turn("assistant", word)]
        for word in WORDS
    ]
    chats.append([turn("user", "long " * 60), turn("assistant", "short")])
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    (tmp_path / "turns.jinja").write_text(TURNS)
    suite = Suite("dev", tmp_path / "dev.jsonl", (Case("1", "say", "red", "red"),), 2)
    data = DataSettings(RowFile(rows), template=tmp_path / "turns.jinja")
    return WorkerSetup(resolve_base("./base", tmp_path), data, (suite,), 0, tmp_path / "sweep")


def test_chats_train_by_their_answers_and_lost_rows_are_told(setup: WorkerSetup) -> None:
    bench = Workbench(setup)
    trained = bench.template.tokenizer.decode([id for id in bench.rows[0].labels if id != IGNORED])
    assert trained == f"{WORDS[0]}!<end>{WORDS[0]}<end>"
    events: list[Event] = []
    config = TrialConfig(lora_rank=2, effective_batch_size=5, max_seq_length=100)
    bench.train(Cohort((PlannedTrial(0, 1, config, 5),)), events.append)
    [started] = [event for event in events if isinstance(event, TrialStarted)]
    assert (started.dropped_rows, started.total_examples) == (1, len(WORDS))
    assert [event.step for event in events if isinstance(event, StepTrained)] == [1, 2]


def test_held_out_rows_are_not_among_those_that_train(setup: WorkerSetup) -> None:
    whole = Workbench(setup)
    bench = Workbench(replace(setup, data=replace(setup.data, validation=HeldOutShare(0.3, seed=1))))
    assert len(bench.rows) == len(whole.rows) - 3
    assert set(bench.rows) < set(whole.rows)


def test_rows_from_the_cache_train_to_the_bit_as_rows_in_memory(
    setup: WorkerSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = replace(setup, data=replace(setup.data, validation=HeldOutShare(0.3, seed=1)))
    tokens = tmp_path / "tokens"
    cached = replace(held_out, token_cache=tokens)

    def losses(each: WorkerSetup, number: int) -> list[tuple[float, float]]:
        events: list[Event] = []
        config = TrialConfig(lora_rank=2, learning_rate=1e-2, effective_batch_size=2, max_seq_length=20)
        Workbench(each).train(Cohort((PlannedTrial(number, 1, config, 2),)), events.append)
        assert any(isinstance(event, ValidationLoss) for event in events)
        steps = [(event.loss, event.grad_norm) for event in events if isinstance(event, StepTrained)]
        return steps + [(event.value, 0.0) for event in events if isinstance(event, ValidationLoss)]

    expected = losses(held_out, 0)
    assert losses(cached, 1) == expected
    assert len(list(tokens.iterdir())) == 2  # those that train and those that validate
    monkeypatch.setattr(token_cache, "encode_rows", None)  # from here on nothing can be tokenised
    assert losses(cached, 2) == expected
