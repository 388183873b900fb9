"""Who looked at the test suite, and what was seen.

A test suite is worth what it is because it decided nothing: who looks at it, changes something and looks
again has chosen by it. So each look is kept, in a file of its own beside the event log: looks come from
commands, and the log has one writer, the driver.
"""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.events import BASE_TRIAL, CaseAnswer, case_answer_from


@dataclass(frozen=True, slots=True)
class Look:
    """One model answered the test suite. `trial` may be BASE_TRIAL; `time` is seconds since the epoch.

    `cases` is the suite's fingerprint, whatever its file is called; `by` the command that looked.
    """

    trial: int
    time: float
    suite: str
    cases: str
    by: str
    score: float
    answers: tuple[CaseAnswer, ...]


def append_look(path: Path, look: Look) -> None:
    """Adds one line of JSON to `path`, which may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(dataclasses.asdict(look), ensure_ascii=False)
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def read_looks(path: Path) -> list[Look]:
    """All looks, in order. A last line that was cut off is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    # Not splitlines(): answers may hold U+2028 and its like, which are no line ends here.
    return [_look(json.loads(line)) for line in whole.split("\n") if line]


def count_looks(looks: Iterable[Look]) -> int:
    """How often a tuned model was looked at. The base does not count: nobody chooses by it."""
    return sum(look.trial != BASE_TRIAL for look in looks)


def latest(looks: Iterable[Look], trial: int, cases: str) -> Look | None:
    """The last look at `trial` on these cases."""
    return next((look for look in reversed(list(looks)) if (look.trial, look.cases) == (trial, cases)), None)


def _look(fields: dict[str, Any]) -> Look:
    return Look(**{**fields, "answers": tuple(map(case_answer_from, fields["answers"]))})
