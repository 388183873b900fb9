"""The loop of a sweep, and putting an old sweep aside."""

from sweeper.driver.archive import archive_sweep
from sweeper.driver.books import View
from sweeper.driver.sweep import run_sweep

__all__ = ["View", "archive_sweep", "run_sweep"]
