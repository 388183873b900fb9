"""Where a sweep's state lives on disk: everything under one mlruns/ folder."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """The state folder. Optuna's and MLflow's databases are shared by all sweeps in it."""

    mlruns: Path

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.mlruns / 'mlflow.db'}"

    @property
    def optuna_uri(self) -> str:
        return f"sqlite:///{self.mlruns / 'optuna.db'}"

    @property
    def artifacts(self) -> Path:
        return self.mlruns / "artifacts"

    @property
    def answer_cache(self) -> Path:
        """Answers of models to suites, for all sweeps. May be deleted at any time."""
        return self.mlruns / "cache" / "answers"

    @property
    def dequantised(self) -> Path:
        """Bases from .gguf files as they are read for nf4. May be deleted at any time."""
        return self.mlruns / "cache" / "dequantised"

    @property
    def token_cache(self) -> Path:
        """Tokenised rows, for all sweeps. May be deleted at any time: workers keep what they opened."""
        return self.mlruns / "cache" / "tokens"

    def sweep(self, name: str) -> "SweepFolder":
        return SweepFolder(self.mlruns / "sweeps" / name)

    def sweep_names(self) -> list[str]:
        """Names of the sweeps that were started here, sorted."""
        return sorted(path.parent.name for path in self.mlruns.glob("sweeps/*/events.jsonl"))


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """The files of one sweep."""

    path: Path

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def space(self) -> Path:
        """A copy of the space file as it was when the sweep was last started."""
        return self.path / "space.yaml"

    @property
    def space_path(self) -> Path:
        """Holds the path of the space file that the sweep was last started with."""
        return self.path / "space_path"

    def recorded_space_path(self) -> Path:
        """Of the space file that the sweep was last started with; of its copy, where none is noted."""
        return Path(self.space_path.read_text()) if self.space_path.exists() else self.space

    @property
    def test_looks(self) -> Path:
        """A line for each time that a model answered the test suite."""
        return self.path / "test_looks.jsonl"

    @property
    def promotions(self) -> Path:
        return self.path / "promotions"

    def trial(self, number: int) -> Path:
        return self.path / "trials" / f"{number:04d}"

    def checkpoint(self, number: int) -> Path:
        """The file that a trial's training goes on from; there while the trial may still train."""
        return self.trial(number) / "checkpoint"


def find_home(folder: Path | None) -> Home:
    """The folder given, else SWEEPER_HOME, else the nearest parent with an mlruns/, else here."""
    given = folder or (Path(value) if (value := os.environ.get("SWEEPER_HOME")) else None)
    if given is None:
        here = Path.cwd()
        given = next((parent for parent in (here, *here.parents) if (parent / "mlruns").is_dir()), here)
    return Home(given.resolve() / "mlruns")
