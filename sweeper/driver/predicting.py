"""The predictor of a sweep's trials. Torch is imported here, when the first trial is predicted."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.driver.planning import Planner
from sweeper.memory.device_limit import limit_on
from sweeper.memory.plan import PlannedTrial
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.worker import WorkerFacts, WorkerSetup

if TYPE_CHECKING:
    from sweeper.memory.settings import EngineStep


def planner_of(space: Space, setup: WorkerSetup, facts: WorkerFacts) -> Planner:
    """Plans within the space's limits; where there is none, without predicting anything."""
    limit = limit_on(space.limits, facts.device_memory_bytes)
    if limit is None:
        return Planner(facts.row_lengths)
    predictor = _Predictor(setup, facts)
    return Planner(facts.row_lengths, limit, predictor.trial_bytes, predictor.cohort_bytes)


class _Predictor:
    """Replays steps of one sweep's trials on its base."""

    def __init__(self, setup: WorkerSetup, facts: WorkerFacts) -> None:
        from sweeper.memory.base_config import BaseConfig
        from sweeper.memory.heaviest import RowSizes
        from sweeper.memory.settings import BaseSettings
        from sweeper.models.config import read_config

        self._config, self._base = BaseConfig.of(read_config(setup.base)), BaseSettings.of(setup.precision)
        self._sizes = RowSizes(facts.row_lengths, facts.prompt_lengths, facts.shared_prefix)
        self._seed, self._shape = setup.seed, facts.shape

    def trial_bytes(self, trial: TrialConfig, rows: int) -> int:
        from sweeper.memory.predict import predict

        return predict(self._config, self._step(trial, rows)).predicted_bytes

    def cohort_bytes(self, planned: Sequence[PlannedTrial], count: int) -> int:
        from sweeper.memory.cohort_step import cohort_steps
        from sweeper.memory.predict import predict

        steps = [self._step(trial.config, trial.micro_batch_size) for trial in planned]
        return max(predict(self._config, step).predicted_bytes for step in cohort_steps(steps, count))

    @functools.cache  # noqa: B019 - lives as long as its sweep
    def _step(self, trial: TrialConfig, rows: int) -> "EngineStep":
        from sweeper.memory.trial_step import trial_step

        return trial_step(trial, self._sizes, self._seed, self._base, self._shape, rows)
