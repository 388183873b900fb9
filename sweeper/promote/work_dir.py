"""The large files of a promotion under way."""

import shutil
from pathlib import Path

from sweeper.promote.file_names import ADAPTER_GGUF
from sweeper.promote.kept_build import forget_build

_FOLDERS = ("merged*", "adapter", "bases")
_FILES = ("model*.gguf", ADAPTER_GGUF)


def clear_work(work_dir: Path) -> None:
    """Removes them; the converter's log stays."""
    work_dir.mkdir(parents=True, exist_ok=True)
    forget_build(work_dir)
    for path in large_files(work_dir):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def large_files(work_dir: Path) -> list[Path]:
    """Files and folders that the next promotion makes again where they are missing."""
    return sorted(path for pattern in (*_FOLDERS, *_FILES) for path in work_dir.glob(pattern))
