"""Names of models in Ollama: [HOST/][NAMESPACE/]MODEL[:TAG]."""

import re
from dataclasses import dataclass

from sweeper.errors import InputError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CANDIDATE = "-sweeper-candidate"
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name with its tag, which Ollama takes as `latest` where none is given."""

    path: str
    tag: str

    def __str__(self) -> str:
        return f"{self.path}:{self.tag}"

    @property
    def candidate(self) -> "ModelName":
        """The name under which a model is tried before it takes this one."""
        return ModelName(self.path, self.tag + _CANDIDATE)


def parse_model_name(text: str, place: str = "promote.name") -> ModelName:
    """Reads a name. Raises InputError, at `place`, for one that Ollama would refuse.

    Parts hold letters, digits, "_", "-" and ".", and begin with a letter, a digit or "_". A tag leaves
    room for the candidate's ending within Ollama's 80 characters.
    """
    head, slash, last = text.rpartition("/")
    model, colon, tag = last.partition(":")
    tag = tag if colon else "latest"
    parts = [*(head.split("/") if slash else []), model, tag]
    bad = next((part for part in parts if not _PART.fullmatch(part) or len(part) > _LONGEST), None)
    if bad is not None or len(parts) > 4:
        raise InputError(
            place,
            f"{text!r} is no name that Ollama takes" + (f" ({bad!r} is why)" if bad else ""),
            "Use NAME or NAME:TAG of letters, digits, '-', '_' and '.'",
        )
    if len(tag) + len(_CANDIDATE) > _LONGEST:
        raise InputError(
            place, f"the tag of {text!r} is too long", f"Keep it under {_LONGEST - 20} characters"
        )
    return ModelName(f"{head}{slash}{model}", tag)
