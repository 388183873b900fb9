"""What a sweep trained on and with, as MLflow keeps it: rows by their hash, packages by their version."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sweeper.space.data_settings import DataSettings, RowFile

_DIGEST_CHARACTERS = 32
"""MLflow takes 36."""
_PACKAGES = ("sweeper", "torch", "transformers", "peft", "bitsandbytes", "optuna", "mlflow", "datasets")
"""Those that have a say in what a trial's score comes to."""


@dataclass(frozen=True, slots=True)
class InputData:
    """One data set entry. `digest` is the beginning of a SHA-256."""

    name: str
    digest: str
    source_type: str
    source: str


def dataset_of(data: DataSettings) -> InputData:
    """The training rows: a file by its bytes, a hub data set by its name and what picks its rows."""
    source = data.train
    if isinstance(source, RowFile):
        with open(source.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return InputData(source.path.name, digest[:_DIGEST_CHARACTERS], "local", str(source.path))
    digest = hashlib.sha256(repr(source).encode()).hexdigest()
    return InputData(str(source), digest[:_DIGEST_CHARACTERS], "hf", str(source))


def installed_packages() -> str:
    """One `name==version` a line, in the form of a requirements file."""
    lines = []
    for name in _PACKAGES:
        try:
            lines.append(f"{name}=={version(name)}\n")
        except PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return "".join(lines)
