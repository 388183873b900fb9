"""Whether Linux has killed a process because memory ran out."""

from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def oom_kill_count() -> int | None:
    """How many processes Linux has killed for memory since it started, control groups' included.

    None where the system does not tell (before Linux 4.13, and elsewhere).
    """
    try:
        lines = VMSTAT.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
