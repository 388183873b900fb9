"""The lines of `sweep check` on memory, for a space with limits."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.check_lines import memory_lines, step_of
from sweeper.memory.depth import Moments, moments_of
from sweeper.memory.device_limit import limit_of, smallest_limit
from sweeper.memory.plan_within import Limit
from sweeper.memory.predict import predict
from sweeper.memory.settings import BaseSettings, Step
from sweeper.space.limits_section import LimitSettings
from sweeper.space.load import load_space
from sweeper.space.space import Space
from tests.memory.small import SMALL
from tests.space.valid_space import VALID, write

ON_CPU = BaseSettings(dtype="float32", device="cpu")


def space_of(folder: Path, limits: LimitSettings) -> Space:
    return replace(load_space(write(folder, VALID)), limits=limits)


def test_rows_are_taken_as_long_as_they_are(tmp_path: Path) -> None:
    space = space_of(tmp_path, LimitSettings((10**9,), 0.0))
    lines = memory_lines(space, SMALL, ON_CPU, row_lengths=[20, 60], prompt_lengths=[10, 30])
    assert lines[0] == "Memory: 1.0 GB a device, 1.0 GB to use (0% headroom)."
    assert lines[1].startswith("  60 tokens: micro-batch up to 16 (0.0 GB at rank 16)")


def test_sizes_that_take_a_replay_each_are_replayed_where_they_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed: list[Step] = []

    def counted(config: BaseConfig, step: Step) -> Moments:
        replayed.append(step)
        return moments_of(config, step)

    monkeypatch.setattr("sweeper.memory.predict.moments_of", counted)
    memory_lines(space_of(tmp_path, LimitSettings((10**9,), 0.0)), SMALL, ON_CPU, [60], [10])
    assert len(replayed) == 4  # micro-batches of 1 and of 16 at two ranks


def test_a_limit_that_is_too_low_is_told_with_what_would_help(tmp_path: Path) -> None:
    space = space_of(tmp_path, LimitSettings((2 * 10**6,), 0.0))
    lines = memory_lines(space, SMALL, ON_CPU, row_lengths=[600], prompt_lengths=[10])
    assert lines[1] == "0 of 2 pairs of max_seq_length and lora_rank fit; the rest is pruned."
    assert "512 tokens: does not fit" in lines[2]
    assert lines[3].startswith("To fit 512 tokens at rank 16")


def test_without_a_gpu_auto_predicts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (line,) = memory_lines(space_of(tmp_path, LimitSettings()), SMALL, ON_CPU, [20], [10])
    assert line == "Memory: no GPU here and no limits.gpu_memory in the space, so nothing is predicted."


def test_each_device_has_its_limit_and_the_smallest_holds_for_all() -> None:
    settings = LimitSettings((24, 12), 0.0)
    assert [limit_of(settings, device) for device in range(3)] == [
        Limit(24, 0.0),
        Limit(12, 0.0),
        Limit(12, 0.0),
    ]
    assert smallest_limit(settings) == Limit(12, 0.0)


@pytest.mark.parametrize(
    ("optim", "checkpointing", "is_as_plain"),
    [
        ("{values: [adamw_8bit, adamw_torch]}", "{values: [true, false]}", True),  # the dearest counts
        ("adamw_8bit", "false", False),
        ("adamw_torch", "true", False),
    ],
)
def test_optimizer_and_checkpointing_are_the_spaces(
    tmp_path: Path, optim: str, checkpointing: str, is_as_plain: bool
) -> None:
    more = f"weight_decay: 0.01\n  optim: {optim}\n  gradient_checkpointing: {checkpointing}"
    told = []
    for text in (VALID, VALID.replace("weight_decay: 0.01", more)):
        space = replace(load_space(write(tmp_path, text)), limits=LimitSettings((2 * 10**6,), 0.0))
        step = step_of(space, ON_CPU, [10])
        told.append(predict(SMALL, replace(step, lora_rank=64, seq_length=512)).predicted_bytes)
    assert (told[0] == told[1]) == is_as_plain
