"""lm-evaluation-harness in memory, on base and adapter, by a task whose data lies beside it."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.data.template import template_of
from sweeper.errors import InputError, SweepError
from sweeper.models.load import Base, load_base
from sweeper.models.reference import resolve_base
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.contender import Contender, Scoreboard
from sweeper.scoring.generate import no_progress
from sweeper.scoring.harness import refuse_unknown_tasks
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.preflight import refuse_objective, refuse_unscored
from sweeper.scoring.score import score_suite
from sweeper.space.trial_config import TrialConfig
from sweeper.training.adapter_files import save_adapter
from sweeper.training.slot_linear import LoraWeights
from tests.tiny_base import save_tiny_base

OPTIONS = ["red", "blue", "green"]
TASK = """\
task: colours
dataset_path: json
dataset_kwargs: {data_files: {test: colours.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{options}}"
doc_to_target: "{{answer}}"
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
SAYS = """\
task: says
dataset_path: json
dataset_kwargs: {data_files: {test: colours.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "red"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harness")
    save_tiny_base(folder / "base")
    documents = [
        {"question": f"Say {word} again:", "options": OPTIONS, "answer": place % 3}
        for place, word in enumerate(["red", "blue", "green", "cat", "dog", "bird"])
    ]
    (folder / "colours.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    (folder / "colours.yaml").write_text(TASK)
    (folder / "says.yaml").write_text(SAYS)
    (folder / "suite.yaml").write_text("name: general\ntype: lm-eval\ntasks: [colours.yaml, says.yaml]\n")
    return folder


@pytest.fixture(scope="module")
def base(folder: Path) -> Base:
    return load_base(resolve_base(str(folder / "base"), folder))


def likeliest(model: Any, tokenizer: Any, question: str) -> int:
    """The option with the highest sum of log probabilities, by plain torch."""
    sums = []
    for option in OPTIONS:
        asked, whole = tokenizer(question).input_ids, tokenizer(f"{question} {option}").input_ids
        with torch.no_grad():
            logs = model(torch.tensor([whole])).logits[0].log_softmax(dim=-1)
        sums.append(sum(float(logs[at - 1, whole[at]]) for at in range(len(asked), len(whole))))
    return sums.index(max(sums))


def random_states() -> list[str]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state().tolist()
    return [repr(state) for state in states]


def test_each_document_is_a_case_scored_as_by_hand(folder: Path, base: Base) -> None:
    suite = load_suite(folder / "suite.yaml")
    before = random_states()
    score = score_suite(base.model, template_of(base.tokenizer), suite)
    assert random_states() == before
    chosen = [answer for answer in score.answers if answer.tags == ("colours",)]
    assert [answer.case_id for answer in chosen] == [f"colours/{place}" for place in range(6)]
    for place, answer in enumerate(chosen):
        by_hand = likeliest(base.model, base.tokenizer, answer.prompt)
        assert answer.score == float(by_hand == place % 3)
        assert answer.answer.strip() == OPTIONS[by_hand]
    assert [answer.score for answer in score.answers if answer.tags == ("says",)] == [0.0] * 6
    assert score.score == pytest.approx(sum(answer.score or 0.0 for answer in score.answers) / 12)


def test_an_adapter_answers_otherwise_and_is_paired_with_the_base(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = LoraWeights(nn.Parameter(torch.randn(2, 32) * 3), nn.Parameter(torch.randn(32, 2) * 3), 16.0)
    layer = {"model.layers.0.self_attn.q_proj": weights}
    save_adapter(tmp_path / "adapter", layer, "base", TrialConfig(lora_rank=2, target_modules=("q_proj",)))
    suite, reference = load_suite(folder / "suite.yaml"), resolve_base(str(folder / "base"), folder)
    board = Scoreboard(AnswerCache(tmp_path))
    adapted = board.score(Contender("a", reference, tmp_path / "adapter"), suite, no_progress)
    alone = board.score(Contender("base", reference), suite, no_progress)
    assert [answer.answer for answer in adapted.answers] != [answer.answer for answer in alone.answers]
    found = compare_answers(alone.answers, adapted.answers)
    assert found is not None
    assert found.cases == 12
    with pytest.raises(InputError, match="'general' is of type lm-eval, which needs more than Ollama tells"):
        board.score(Contender("o", ollama="o"), suite, no_progress)


def written(folder: Path, text: str) -> Path:
    path = folder / "other.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\ntype: lm_eval\ntasks: [a]\n", "type is 'lm_eval', must be 'lm-eval'"),
        ("name: x\ntype: lm-eval\n", "tasks is missing. Add it, for example `tasks: [arc_easy]`."),
        ("name: x\ntype: lm-eval\ntasks: []\n", "tasks is an empty list, must be a list of at least 1 entry"),
        ("name: x\ntype: lm-eval\ntasks: color.yaml\n", "tasks[0] is 'color.yaml', and there is no file"),
        ("name: x\ntype: lm-eval\ntasks: [a]\ncases: []\n", "cases is an unknown key"),
        ("name: x/y\ntype: lm-eval\ntasks: [a]\n", "name is 'x/y', must be letters"),
    ],
)
def test_one_line_for_what_is_wrong(folder: Path, text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_suite(written(folder, text))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_extra_one_line_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"is not installed\. Run `pip install 'sweeper\[lm-eval\]'`"):
        load_suite(folder / "suite.yaml")


def test_it_neither_steers_nor_claims(folder: Path) -> None:
    suite = load_suite(folder / "suite.yaml")
    for refuse in (refuse_objective, refuse_unscored):
        with pytest.raises(InputError, match="Name it as a further dev suite, or under guard"):
            refuse(suite)


def test_a_task_that_fails_is_one_line(folder: Path, base: Base) -> None:
    (folder / "gone.yaml").write_text(TASK.replace("colours.jsonl", "gone.jsonl").replace("colours", "gone"))
    suite = load_suite(written(folder, "name: x\ntype: lm-eval\ntasks: gone.yaml\n"))
    with pytest.raises(SweepError, match="lm-evaluation-harness failed: ") as caught:
        score_suite(base.model, template_of(base.tokenizer), suite)
    assert "\n" not in str(caught.value)


def test_an_unknown_task_is_told_with_its_likeliest_name(folder: Path) -> None:
    suite = load_suite(written(folder, "name: x\ntype: lm-eval\ntasks: arc_esy\n"))
    with pytest.raises(InputError, match=r"the harness has no task 'arc_esy'\. Did you mean 'arc_easy'\?"):
        refuse_unknown_tasks(suite, {"arc_easy", "hellaswag"})
