"""A sweep in MLflow, written from its events. The only room that imports mlflow."""

from sweeper.tracking.tracker import Tracker

__all__ = ["Tracker"]
