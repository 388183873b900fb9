"""Spaces to search in, over files that exist."""

import dataclasses
from pathlib import Path
from typing import Any

from sweeper.space.data_settings import DataSettings, RowFile
from sweeper.space.objective import SCORE, Objective
from sweeper.space.parameters import Choice, Constant, Parameter, Range
from sweeper.space.pruner import HALVING, PrunerSettings
from sweeper.space.space import PromoteSettings, SamplerName, SearchSettings, Space
from sweeper.space.trial_config import TrialConfig

CONSTANT: dict[str, Parameter] = {
    name: Constant(value) for name, value in dataclasses.asdict(TrialConfig()).items()
}
SEARCHED: dict[str, Parameter] = {
    "learning_rate": Range(3e-5, 3e-3, log=True, integer=False),
    "lora_rank": Choice((8, 16, 32)),
    "target_modules": Choice((("all-linear",), ("q_proj", "v_proj"))),
    "max_seq_length": Range(64, 512, log=False, integer=True),
    "lr_scheduler_type": Choice(("linear", "cosine")),
}


def make_space(
    folder: Path,
    *,
    trials: int = 12,
    seed: int = 7,
    sampler: SamplerName = "tpe",
    pruner: PrunerSettings = HALVING,
    objective: Objective = SCORE,
    parameters: dict[str, Parameter] | None = None,
    **changes: Any,
) -> Space:
    """A space named `tickets`; `parameters` are laid over SEARCHED, and that over CONSTANT."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train.jsonl", "dev.jsonl"):
        if not (folder / name).exists():
            (folder / name).write_text(f'{{"instruction": "{name}"}}\n')
    space = Space(
        path=folder / "space.yaml",
        name="tickets",
        base="package:tiny/tiny.gguf",
        data=DataSettings(RowFile(folder / "train.jsonl")),
        parameters={**CONSTANT, **SEARCHED, **(parameters or {})},
        search=SearchSettings(trials, seed, sampler, pruner, objective),
        dev=(folder / "dev.jsonl",),
        test=None,
        promote=PromoteSettings(name="tickets", parameters={}, system=None),
    )
    return dataclasses.replace(space, **changes)
