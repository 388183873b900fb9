"""The files that `sweep init` writes, worked out from a user's rows. Pure: rows in, texts out."""

import json
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.commands.starter_rows import StarterRow
from sweeper.scoring.steering import LONGEST_TO_THE_LETTER
from sweeper.space.data_settings import FormatName

FEWEST_ROWS = 40
_ASKED: Mapping[FormatName, str] = {
    "instruction": "",
    "chat": " that ask for the first answer of a chat",
    "prompt_completion": "",
    "text": " that show the first half of a text and expect the other",
}
_SPACE = """\
# Made by `sweep init`. Every key is told in docs/space.md; a key that means nothing is refused.
#
#   sweep check {name}.yaml     is it right, and what does the model see?
#   sweep start {name}.yaml     runs it; started again, it goes on

name: {name}

# A Hugging Face hub id, a folder, or a .gguf file.
model:
  base: {model}

# {train_count} of your rows, of the format {format}. The others became the cases below: what is asked in the
# end must not be trained.
data:
  train: {name}_train.jsonl

parameters:
  # The one that matters most. Large models want the lower half, small ones on a narrow task up to 3e-3.
  learning_rate: {{min: 3e-5, max: 1e-3, log: true}}
  # Size of the adapter. Larger learns finer things, and costs memory.
  lora_rank: {{values: [8, 16, 32]}}
  # Left alone, so that a learning rate means the same at every rank.
  lora_alpha: 32
  # Rows per optimizer step. How many are computed at a time is chosen for you.
  effective_batch_size: {{values: [4, 8, 16]}}
  # In tokens. Your longest row has {longest} characters; `sweep check` tells what would be cut.
  max_seq_length: {max_seq_length}
  # Passes over the rows.
  num_train_epochs: {{values: [1, 2]}}
  # Below 1 it is a share of all steps.
  warmup_steps: 0.05

search:
  # In total: raise it and start again, and the sweep goes on.
  trials: 9
  {objective}

# dev steers the search and test is for the end. Drawn from your rows by a seed.
evaluation:
  dev: {name}_dev.yaml
  test: {name}_test.yaml

# What `sweep promote {name}` puts into Ollama.
promote:
  name: {name}
"""
_BY_SCORE = "# Trials are compared by how many answers are right to the letter."
_BY_LOSS_OF_TEXT = """\
# Rows of text ask nothing. Each case shows the first half of one, and trials are compared by how surely
  # they would write the other half.
  objective: target_loss"""
_BY_LOSS = """\
# Your answers are long, and there are many right ways to write each. So trials are compared by how
  # surely they would write yours, not by whether they do to the letter.
  objective: target_loss"""
_SUITE = """\
# {count} of your rows as cases{asked}: an answer is right if it is the expected one to the letter.
name: {name}-{use}
cases: {name}_{use}.jsonl
# Enough for the longest answer, and its end.
decode: {{max_new_tokens: {max_new_tokens}}}
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows for training, for the cases that steer the search, and for those at the end."""

    train: tuple[StarterRow, ...]
    dev: tuple[StarterRow, ...]
    test: tuple[StarterRow, ...]


def questions(rows: Sequence[StarterRow]) -> int:
    """How many different things the rows ask."""
    return len({row.asks for row in rows if row.case is not None})


def part(rows: Sequence[StarterRow], seed: int = 0) -> Parts:
    """A tenth of what is asked for dev (100 at most) and an eighth for test (200 at most), 8 at least.

    Rows that ask the same stay together, so nothing in test was trained on or steered by.
    """
    asked = sorted({row.asks for row in rows if row.case is not None}, key=repr)
    random.Random(seed).shuffle(asked)
    dev_count = min(max(len(asked) // 10, 8), 100)
    test_count = min(max(len(asked) // 8, 8), 200)
    dev, test = set(asked[:dev_count]), set(asked[dev_count : dev_count + test_count])

    def cases(chosen: set[tuple[object, ...]]) -> tuple[StarterRow, ...]:
        """One case for each question: the first of its rows."""
        first = {row.asks: row for row in reversed(rows)}
        return tuple(row for key, row in first.items() if key in chosen)

    train = tuple(row for row in rows if row.asks not in dev | test)
    return Parts(train, cases(dev), cases(test))


def starter_files(name: str, model: str, parts: Parts, format: FormatName) -> Mapping[str, str]:
    """File name → content: the space, its suites, their cases, and the rows to train on."""
    rows = [*parts.train, *parts.dev, *parts.test]
    longest = max(row.characters for row in rows)
    space = _SPACE.format(
        name=name,
        model=json.dumps(model, ensure_ascii=False),
        train_count=len(parts.train),
        longest=longest,
        max_seq_length=_tokens_for(longest),
        format=format,
        objective=_objective(rows, format),
    )
    files = {f"{name}.yaml": space, f"{name}_train.jsonl": _lines([row.record for row in parts.train])}
    new_tokens = min(max(len(row.answer) for row in rows) // 2 + 16, 512)
    for use, cases in (("dev", parts.dev), ("test", parts.test)):
        words = {"name": name, "use": use, "asked": _ASKED[format], "count": len(cases)}
        suite = _SUITE.format(**words, max_new_tokens=new_tokens)
        lines = _lines([row.case for row in cases if row.case is not None])
        files |= {f"{name}_{use}.yaml": suite, f"{name}_{use}.jsonl": lines}
    return files


def _objective(rows: Sequence[StarterRow], format: FormatName) -> str:
    if format == "text":
        return _BY_LOSS_OF_TEXT
    is_short = statistics.median(len(row.answer) for row in rows) <= LONGEST_TO_THE_LETTER
    return _BY_SCORE if is_short else _BY_LOSS


def _tokens_for(characters: int) -> int:
    """A power of two with room for a row of so many characters, at two a token and more for the template."""
    tokens = 128
    while tokens < characters // 2 + 64 and tokens < 4096:
        tokens *= 2
    return tokens


def _lines(records: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
