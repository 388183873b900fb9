"""A space for scripted workers: no model behind it, only files that exist."""

import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sweeper.home import Home
from sweeper.tracking.runs import make_client


@functools.cache
def empty_mlflow() -> bytes:
    """MLflow's tables and nothing in them. Making them takes seconds."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        make_client(home.mlflow_uri).search_experiments()
        return (home.mlruns / "mlflow.db").read_bytes()


def save_scripted_space(
    folder: Path, trials: int = 9, search: Mapping[str, object] | None = None, guard: str = "none"
) -> Path:
    """A space named `tiny`, with halving by default and validation rows. Each trial has 9 to 36 steps."""
    (folder / "mlruns").mkdir(parents=True)
    (folder / "mlruns" / "mlflow.db").write_bytes(empty_mlflow())
    (folder / "base").mkdir(parents=True, exist_ok=True)
    (folder / "base" / "config.json").write_text("{}")
    row = json.dumps({"instruction": "a", "input": "b", "output": "c"})
    for name in ("train", "dev", "held_out"):
        (folder / f"{name}.jsonl").write_text(f"{row}\n" * 3)
    space = {
        "name": "tiny",
        "model": {"base": "./base"},
        "data": {"train": "train.jsonl", "validation": "held_out.jsonl"},
        "parameters": {
            "learning_rate": {"min": 1e-5, "max": 1e-3, "log": True},
            "lora_rank": {"values": [2, 4, 8]},
            "effective_batch_size": {"values": [1, 2, 4]},
        },
        "search": {"trials": trials, "seed": 1, **(search or {})},
        "evaluation": {"dev": "dev.jsonl", "guard": guard},
    }
    path = folder / "space.yaml"
    path.write_text(json.dumps(space))  # JSON is YAML
    return path
