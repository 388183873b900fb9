"""The space that is searched where a file names no parameters: what good LoRA settings look like."""

from collections.abc import Mapping

from sweeper.space.parameters import Choice, Constant, Parameter, Range, Scalar
from sweeper.space.trial_config import DEFAULTS

DEFAULT_CONSTANTS: Mapping[str, Parameter] = {name: Constant(value) for name, value in DEFAULTS.items()}
"""TrialConfig's defaults: what a parameter is that a file with parameters does not name."""

DEFAULT_SPACE: Mapping[str, Parameter] = {
    **DEFAULT_CONSTANTS,
    "learning_rate": Range(3e-5, 1e-3, log=True, integer=False),
    "lora_rank": Choice((8, 16, 32, 64)),
    "effective_batch_size": Choice((4, 8, 16, 32)),
    "max_seq_length": Choice((512, 1024, 2048, 4096)),
    "num_train_epochs": Choice((1.0, 2.0, 3.0)),
}

DEFAULT_BASELINE: tuple[Mapping[str, Scalar], ...] = (
    {"learning_rate": 2e-4, "lora_rank": 16, "effective_batch_size": 8},
    {"learning_rate": 1e-4, "lora_rank": 32, "effective_batch_size": 4},
)
"""What is tried first in the default space: settings that are known to do well on most tasks."""
