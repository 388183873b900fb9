"""The `limits` section as the rest of sweeper sees it."""

from pathlib import Path

import pytest

from sweeper.space.limits_section import LimitSettings
from sweeper.space.load import load_space
from sweeper.space.memory_size import memory_bytes
from tests.space.valid_space import VALID, write

WRITTEN = "limits: {gpu_memory: 24GB, headroom: 5%}"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (WRITTEN, LimitSettings((24_000_000_000,), 0.05)),
        ("", LimitSettings(None, 0.05)),
        ("limits: {gpu_memory: auto, headroom: 0}", LimitSettings(None, 0.0)),
        (
            "limits: {gpu_memory: [24GiB, 512 MB], headroom: 12.5%}",
            LimitSettings((24 << 30, 512 * 10**6), 0.125),
        ),
    ],
)
def test_limits_are_read(tmp_path: Path, text: str, settings: LimitSettings) -> None:
    assert load_space(write(tmp_path, VALID.replace(WRITTEN, text))).limits == settings


@pytest.mark.parametrize("text", ["0GB", "-1GB", "24", "24 G", "GB", "1e3GB", "٣GB", "9" * 400 + "GB"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert memory_bytes(text) is None
