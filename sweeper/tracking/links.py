"""Where MLflow's UI shows a sweep's trials side by side."""

import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path

from sweeper.home import Home


def experiment_ids(home: Home) -> dict[str, int]:
    """Experiment name → id, of those not deleted. By plain SQL: importing MLflow takes seconds."""
    path = Path(home.mlflow_uri.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT name, experiment_id FROM experiments WHERE lifecycle_stage = 'active'"
        )
        return {str(name): int(number) for name, number in rows}


def trials_link(server: str, experiment_id: int) -> str:
    """The page of charts over all trials, the best first.

    Its queries are those that MLflow 3.17's own UI writes into the address: without workflowType it
    opens on a page for traces of chats.
    """
    query = {"compareRunsMode": "CHART", "workflowType": "machine_learning"}
    query |= {"orderByKey": "metrics.`objective`", "orderByAsc": "false"}
    return f"{server}/#/experiments/{experiment_id}/runs?{urllib.parse.urlencode(query)}"
