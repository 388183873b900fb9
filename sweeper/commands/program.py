"""What to type to run this program again."""

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """`sweep` where the shell finds it, else the path that it was run by, as in a .venv not activated."""
    own = Path(sys.argv[0])
    found = shutil.which("sweep")
    if own.name != "sweep" or (found and os.path.samefile(found, own)):
        return "sweep"
    return os.path.relpath(own)
