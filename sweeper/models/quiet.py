"""Keeps the libraries from writing between our own lines: progress bars, advice, warnings of the future."""

import logging
import os
import warnings

_SETTINGS = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Read by the libraries when they are imported; what the user has set stays."""


def quiet_libraries() -> None:
    """To be called first by a command that shows steps of its own: optuna imports tqdm, too."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore", FutureWarning)
    for name in ("bitsandbytes", "peft", "torch"):
        logging.getLogger(name).setLevel(logging.ERROR)
