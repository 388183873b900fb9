"""The predictor of a sweep's trials. Torch is imported here, when the first trial is predicted."""

from sweeper.driver.planning import Planner, PredictTrial
from sweeper.memory.device_limit import limit_on
from sweeper.models.reference import BaseReference
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.worker import WorkerFacts


def planner_of(space: Space, base: BaseReference, facts: WorkerFacts) -> Planner:
    """Plans within the space's limits; where there is none, without predicting anything."""
    limit = limit_on(space.limits, facts.device_memory_bytes)
    if limit is None:
        return Planner(facts.row_lengths)
    return Planner(facts.row_lengths, limit, _predictor(space, base, facts))


def _predictor(space: Space, base: BaseReference, facts: WorkerFacts) -> PredictTrial:
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.heaviest import RowSizes
    from sweeper.models.config import read_config

    config = BaseConfig.of(read_config(base))
    sizes = RowSizes(facts.row_lengths, facts.prompt_lengths, facts.shared_prefix)

    def predict_bytes(trial: TrialConfig, rows: int) -> int:
        from sweeper.memory.predict import predict
        from sweeper.memory.trial_step import trial_step

        step = trial_step(trial, sizes, space.search.seed, facts.base, facts.layout, rows)
        return predict(config, step).predicted_bytes

    return predict_bytes
