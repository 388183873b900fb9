"""The space that is searched where a file names no parameters: what good LoRA settings look like."""

from collections.abc import Mapping
from dataclasses import asdict

from sweeper.space.parameters import Choice, Constant, Parameter, Range
from sweeper.space.trial_config import TrialConfig

DEFAULT_CONSTANTS: Mapping[str, Parameter] = {
    name: Constant(value) for name, value in asdict(TrialConfig()).items()
}
"""TrialConfig's defaults: what a parameter is that a file with parameters does not name."""

DEFAULT_SPACE: Mapping[str, Parameter] = {
    **DEFAULT_CONSTANTS,
    "learning_rate": Range(3e-5, 1e-3, log=True, integer=False),
    "lora_rank": Choice((8, 16, 32, 64)),
    "effective_batch_size": Choice((4, 8, 16, 32)),
    "max_seq_length": Choice((512, 1024, 2048, 4096)),
    "num_train_epochs": Choice((1.0, 2.0, 3.0)),
}
