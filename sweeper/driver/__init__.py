"""The loop of a sweep, and putting an old sweep aside."""

from sweeper.driver.sweep import View, run_sweep

__all__ = ["View", "run_sweep"]
