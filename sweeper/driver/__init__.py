"""The loop of a sweep, and putting an old sweep aside."""

from sweeper.driver.books import View
from sweeper.driver.sweep import run_sweep

__all__ = ["View", "run_sweep"]
