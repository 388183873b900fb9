"""One point of the search space: everything that decides how one trial trains."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrialConfig:
    """The parameters of one trial, under Hugging Face's names.

    Exactly one of `num_train_epochs` and `max_steps` is set. `warmup_steps` below 1 is a share of
    all steps, as in transformers 5. `target_modules` is ("all-linear",) or names of linear layers.
    """

    learning_rate: float = 2e-4
    lora_rank: int = 16
    lora_alpha: float = 32.0
    target_modules: tuple[str, ...] = ("all-linear",)
    effective_batch_size: int = 8
    max_seq_length: int = 1024
    num_train_epochs: float | None = 1.0
    max_steps: int | None = None
    warmup_steps: float = 0.0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    lr_scheduler_type: str = "linear"
