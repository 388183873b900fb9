"""Answers are remembered under all that decides them, and never wrongly."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sweeper.data.template import template_of
from sweeper.scoring import score as scoring
from sweeper.scoring.cache import AnswerCache, Answers
from sweeper.scoring.fingerprint import adapter_fingerprint, suite_fingerprint
from sweeper.scoring.generate import answer_tokens
from sweeper.scoring.score import Remembered, Score, score_suite
from sweeper.scoring.suite import Assertion, Case, Message, Suite
from sweeper.space.trial_config import TrialConfig
from sweeper.training.adapter_files import load_adapter, save_adapter
from sweeper.training.slot_linear import LoraWeights
from tests.scoring.tiny_tokenizer import tiny_tokenizer
from tests.training.tiny import tiny_model

ANSWERS = Answers(("one", "\x00two\u2028"), 3, 4, 0.5)
CASES = tuple(Case(f"c{number}", f"w{number} w7", "", "w9") for number in (11, 12, 13))
SUITE = Suite("words", Path("words.jsonl"), CASES, max_new_tokens=6)


def test_what_is_put_is_got(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "new" / "folder")
    assert cache.get("a") is None
    cache.put("a", ANSWERS)
    assert cache.get("a") == ANSWERS
    assert cache.get("b") is None
    assert [path.name for path in cache.folder.iterdir()] == ["a.json"]


@pytest.mark.parametrize("keep", [0, 1, 10, 60])
def test_an_entry_that_is_cut_short_is_as_none(tmp_path: Path, keep: int) -> None:
    cache = AnswerCache(tmp_path)
    cache.put("a", ANSWERS)
    path = tmp_path / "a.json"
    path.write_text(path.read_text()[:keep])
    assert cache.get("a") is None


def test_an_entry_that_was_changed_is_as_none(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.put("a", ANSWERS)
    path = tmp_path / "a.json"
    path.write_text(path.read_text().replace("one", "two"))
    assert cache.get("a") is None
    for other in ("[]", '{"answers": 1, "sha256": ""}', "\x00"):
        path.write_text(other)
        assert cache.get("a") is None


def test_a_folder_that_cannot_be_written_costs_the_entry_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    AnswerCache(tmp_path / "file").put("a", ANSWERS)


class Counting:
    """Counts how often the model is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        right = answer_tokens

        def counted(*arguments: Any) -> Any:
            self.calls += 1
            return right(*arguments)

        monkeypatch.setattr(scoring, "answer_tokens", counted)


def score(folder: Path, suite: Suite = SUITE, base: str = "base", adapter: str = "", end: int = 1) -> Score:
    template = template_of(tiny_tokenizer(end=end, special=2))
    return score_suite(
        tiny_model(), template, suite, remembered=Remembered(AnswerCache(folder), base, adapter)
    )


def test_the_model_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    first, again = score(tmp_path), score(tmp_path)
    assert counting.calls == 1
    assert again.answers == first.answers
    assert (again.prompt_tokens, again.answer_tokens) == (first.prompt_tokens, first.answer_tokens)
    assert again.wall_seconds >= 0.9 * first.wall_seconds - 0.1


def test_all_that_decides_answers_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    score(tmp_path)
    others: list[dict[str, Any]] = [
        {"base": "other"},
        {"adapter": "other"},
        {"end": 3},
        {"suite": dataclasses.replace(SUITE, max_new_tokens=7)},
        {"suite": dataclasses.replace(SUITE, stop=("w1",))},
        {"suite": dataclasses.replace(SUITE, system="w5")},
        {"suite": dataclasses.replace(SUITE, temperature=0.5)},
        {"suite": dataclasses.replace(SUITE, temperature=0.5, seed=1)},
        {"suite": dataclasses.replace(SUITE, cases=CASES[::-1])},
    ]
    for number, change in enumerate(others, 2):
        score(tmp_path, **change)
        assert counting.calls == number, change
    for change in others:
        score(tmp_path, **change)
    assert counting.calls == len(others) + 1


def test_changed_assertions_score_the_same_answers_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    assert score(tmp_path).score == 0
    always = (Assertion("contains", "nowhere", negate=True),)
    eased = tuple(dataclasses.replace(case, assertions=always) for case in CASES)
    assert score(tmp_path, dataclasses.replace(SUITE, cases=eased)).score == 1
    assert counting.calls == 1


def weights(scale: float = 1.0) -> dict[str, LoraWeights]:
    torch.manual_seed(0)
    return {
        name: LoraWeights(nn.Parameter(torch.randn(2, 3)), nn.Parameter(torch.randn(4, 2) * scale), 8.0)
        for name in ("a.q_proj", "a.v_proj")
    }


def test_an_adapter_is_the_same_in_memory_and_read_back(tmp_path: Path) -> None:
    adapter = weights()
    trial = TrialConfig(lora_rank=2, lora_alpha=16, target_modules=("q_proj", "v_proj"))
    save_adapter(tmp_path / "adapter", adapter, "base", trial)
    assert adapter_fingerprint(load_adapter(tmp_path / "adapter")) == adapter_fingerprint(adapter)
    assert adapter_fingerprint(weights(1.0001)) != adapter_fingerprint(adapter)
    assert adapter_fingerprint(None) == ""


def test_a_suite_is_known_by_what_it_asks_and_not_by_its_place(tmp_path: Path) -> None:
    known = suite_fingerprint(SUITE)
    assert suite_fingerprint(dataclasses.replace(SUITE, name="other", path=tmp_path)) == known
    spelled_out = tuple(dataclasses.replace(case, assertions=case.checks) for case in CASES)
    assert suite_fingerprint(dataclasses.replace(SUITE, cases=spelled_out)) == known
    for change in (
        {"cases": CASES[:2]},
        {"max_new_tokens": 7},
        {"system": "x"},
        {"cases": tuple(dataclasses.replace(case, messages=(Message("user", "x"),)) for case in CASES)},
        {"cases": tuple(dataclasses.replace(case, assertions=(Assertion("number", 1),)) for case in CASES)},
    ):
        assert suite_fingerprint(dataclasses.replace(SUITE, **change)) != known


def test_a_scorers_file_counts_by_its_content(tmp_path: Path) -> None:
    def with_file(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        value = {"file": str(tmp_path / name), "function": "score", "seconds": 1, "memory_bytes": 1}
        cases = (dataclasses.replace(CASES[0], assertions=(Assertion("python", value),)),)
        return suite_fingerprint(dataclasses.replace(SUITE, cases=cases))

    assert with_file("a.py", "x = 1") == with_file("b.py", "x = 1") != with_file("a.py", "x = 2")
