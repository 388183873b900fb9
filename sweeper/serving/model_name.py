"""Names of models in Ollama: [HOST/][NAMESPACE/]MODEL[:TAG]."""

import re
from dataclasses import dataclass

from sweeper.errors import InputError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CANDIDATE = "-sweeper-candidate"
_ROLLBACK = "-sweeper-rollback"
_LONGEST = 80
_DEFAULT_TAG = "latest"
ROLLBACKS_KEPT = 2


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
        return self._with(_CANDIDATE)

    @property
    def rollbacks(self) -> tuple["ModelName", ...]:
        """The names of the models that had this name before, the last one first."""
        return tuple(self._with(f"{_ROLLBACK}-{number}") for number in range(1, ROLLBACKS_KEPT + 1))

    @property
    def leaving(self) -> "ModelName":
        """Holds the model that a rollback takes this name from, while it goes on."""
        return self._with(f"{_ROLLBACK}-0")

    def quantized(self, quantization: str) -> "ModelName":
        """The name of a further model that is quantised: the tag alone where none was given."""
        tag = quantization if self.tag == _DEFAULT_TAG else f"{self.tag}-{quantization}"
        return ModelName(self.path, tag)

    def _with(self, ending: str) -> "ModelName":
        return ModelName(self.path, self.tag + ending)


def parse_model_name(text: str, place: str = "promote.name") -> ModelName:
    """Reads a name. Raises InputError, at `place`, for one that Ollama would refuse.

    Parts hold letters, digits, "_", "-" and ".", and begin with a letter, a digit or "_". A tag leaves
    room for the endings of candidates and of earlier models within Ollama's 80 characters.
    """
    head, slash, last = text.rpartition("/")
    model, colon, tag = last.partition(":")
    tag = tag if colon else _DEFAULT_TAG
    parts = [*(head.split("/") if slash else []), model, tag]
    bad = next((part for part in parts if not _PART.fullmatch(part) or len(part) > _LONGEST), None)
    if bad is not None or len(parts) > 4:
        raise InputError(
            place,
            f"{text!r} is no name that Ollama takes" + (f" ({bad!r} is why)" if bad else ""),
            "Use NAME or NAME:TAG of letters, digits, '-', '_' and '.'",
        )
    if _ROLLBACK in tag or _CANDIDATE in tag:
        raise InputError(place, f"the tag of {text!r} is one that promotion uses itself", "Take another tag")
    name = ModelName(f"{head}{slash}{model}", tag)
    check_length(name, place)
    return name


def check_length(name: ModelName, place: str) -> None:
    """Raises InputError, at `place`, for a tag that leaves no room for what promotion appends to it."""
    if len(name.leaving.tag) > _LONGEST:
        longest = _LONGEST - len(_ROLLBACK) - 2
        raise InputError(place, f"the tag of {str(name)!r} is too long", f"Keep it to {longest} characters")
