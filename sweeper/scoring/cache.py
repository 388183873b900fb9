"""Answers that a model has given before, kept on disk under all that decides them.

Answers are kept and not their scores: an answer is scored anew each time, by the suite and the scorers
as they are now. So a changed assertion costs no second answer, and no score of old is ever shown.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answers:
    """The texts of all answers to a suite, in its order, what they cost in tokens and in time.

    A case of which only the loss is asked has an empty one. `losses` are those of expected answers, by
    the case's place in the suite.
    """

    texts: tuple[str, ...]
    prompt_tokens: int
    answer_tokens: int
    wall_seconds: float
    losses: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """One file per entry in `folder`, which may be deleted at any time.

    Written whole or not at all. An entry that is cut short, changed, or of another form is as none.
    """

    folder: Path

    def get(self, key: str) -> Answers | None:
        try:
            entry = json.loads(self._path(key).read_text(encoding="utf-8"))
            if entry["sha256"] != _checksum(entry["answers"]):
                return None
            fields = entry["answers"]
            losses = tuple((place, loss) for place, loss in fields.get("losses", ()))
            return Answers(**{**fields, "texts": tuple(fields["texts"]), "losses": losses})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, answers: Answers) -> None:
        """Keeps `answers`. A disk that is full or not writable costs the entry, not the score."""
        fields = dataclasses.asdict(answers)
        text = json.dumps({"answers": fields, "sha256": _checksum(fields)})
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                os.replace(name, self._path(key))
            except OSError:
                os.unlink(name)
                raise

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _checksum(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
