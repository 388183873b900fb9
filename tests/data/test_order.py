"""Every row of every epoch is trained once, in an order that the seed alone decides."""

from itertools import chain

import pytest

from sweeper.data.order import total_examples, total_steps, windows
from sweeper.space.trial_config import TrialConfig

CONFIG = TrialConfig(effective_batch_size=4, num_train_epochs=2)


def test_an_epoch_takes_every_row_once_and_the_next_shuffles_anew() -> None:
    steps = list(windows(CONFIG, 10, seed=5))
    assert [len(step) for step in steps] == [4, 4, 2, 4, 4, 2]
    first, second = list(chain(*steps[:3])), list(chain(*steps[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert steps == list(windows(CONFIG, 10, seed=5))
    assert steps != list(windows(CONFIG, 10, seed=6))


def test_the_order_is_the_same_for_every_batch_size() -> None:
    small = TrialConfig(effective_batch_size=2, num_train_epochs=1)
    large = TrialConfig(effective_batch_size=5, num_train_epochs=1)
    assert list(chain(*windows(small, 10, 0))) == list(chain(*windows(large, 10, 0)))


@pytest.mark.parametrize(
    ("epochs", "max_steps", "steps", "examples"),
    [(1.0, None, 3, 10), (0.5, None, 2, 8), (1.5, None, 5, 18), (None, 2, 2, 8), (None, 7, 7, 24)],
)
def test_totals(epochs: float | None, max_steps: int | None, steps: int, examples: int) -> None:
    config = TrialConfig(effective_batch_size=4, num_train_epochs=epochs, max_steps=max_steps)
    assert total_steps(config, 10) == steps
    assert total_examples(config, 10) == examples
    assert len(list(windows(config, 10, 0))) == steps
