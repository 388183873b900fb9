"""The predictor of a sweep's trials. Torch is imported here, when the first trial is predicted."""

from sweeper.driver.planning import Planner, PredictTrial
from sweeper.memory.device_limit import limit_on
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.worker import WorkerFacts, WorkerSetup


def planner_of(space: Space, setup: WorkerSetup, facts: WorkerFacts) -> Planner:
    """Plans within the space's limits; where there is none, without predicting anything."""
    limit = limit_on(space.limits, facts.device_memory_bytes)
    if limit is None:
        return Planner(facts.row_lengths)
    return Planner(facts.row_lengths, limit, _predictor(setup, facts))


def _predictor(setup: WorkerSetup, facts: WorkerFacts) -> PredictTrial:
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.heaviest import RowSizes
    from sweeper.memory.settings import BaseSettings
    from sweeper.models.config import read_config

    config, base = BaseConfig.of(read_config(setup.base)), BaseSettings.of(setup.precision)
    sizes = RowSizes(facts.row_lengths, facts.prompt_lengths, facts.shared_prefix)

    def predict_bytes(trial: TrialConfig, rows: int) -> int:
        from sweeper.memory.predict import predict
        from sweeper.memory.trial_step import trial_step

        step = trial_step(trial, sizes, setup.seed, base, facts.shape, rows)
        return predict(config, step).predicted_bytes

    return predict_bytes
