"""Gives a sweep's experiment another name."""

from sweeper.errors import UnavailableError
from sweeper.home import Home
from sweeper.tracking.runs import failures, make_client, probe


def rename_experiment(home: Home, name: str, new_name: str) -> None:
    """Does nothing where there is no experiment `name`. Its runs stay as they are.

    Raises UnavailableError where MLflow's database cannot be written.
    """
    if not (home.mlruns / "mlflow.db").exists():
        return
    try:
        probe(home.mlflow_uri)
        client = make_client(home.mlflow_uri)
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            client.rename_experiment(experiment.experiment_id, new_name)
    except failures() as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(f"MLflow cannot rename experiment {name!r} ({reason}).") from error
