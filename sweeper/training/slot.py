"""One trial in training: its adapter, optimizer, schedule and place in the data, shared with nobody."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from sweeper.data.encode import EncodedRow
from sweeper.data.order import total_steps, windows
from sweeper.space.trial_config import TrialConfig
from sweeper.training.slot_linear import LoraWeights, SlotLinear
from sweeper.training.targets import target_layers


class Slot:
    """Trains one trial, a window of `effective_batch_size` rows per optimizer step.

    The window's loss is the sum of token cross-entropies over the number of its labels, whatever
    the micro-batches, as Trainer's with num_items_in_batch.
    """

    def __init__(
        self,
        config: TrialConfig,
        rows: Sequence[EncodedRow],
        layers: Mapping[str, SlotLinear],
        micro_batch_size: int,
        seed: int,
    ) -> None:
        from transformers import get_scheduler

        self.config = config
        self.rows = rows
        self.micro_batch_size = micro_batch_size
        self.adapter = new_adapter(config, layers, seed)
        self.parameters = [p for weights in self.adapter.values() for p in (weights.lora_a, weights.lora_b)]
        self.total_steps = total_steps(config, len(rows))
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.scheduler = get_scheduler(
            config.lr_scheduler_type,
            self.optimizer,
            num_warmup_steps=warmup_step_count(config, self.total_steps),
            num_training_steps=self.total_steps,
        )
        self.step = 0
        self.examples = 0
        self.tokens = 0
        self._windows = windows(config, len(rows), seed)
        self._open_window()

    @property
    def finished(self) -> bool:
        return self.step >= self.total_steps

    def _open_window(self) -> None:
        self._pending = [self.rows[index] for index in next(self._windows, [])]
        self.window_label_count = sum(row.label_count for row in self._pending)
        self.window_loss = 0.0

    def next_micro_batch(self) -> list[EncodedRow]:
        """The next rows of the current window, at most `micro_batch_size`. Empty once finished."""
        batch = self._pending[: self.micro_batch_size]
        self._pending = self._pending[self.micro_batch_size :]
        self.examples += len(batch)
        self.tokens += sum(len(row.input_ids) for row in batch)
        return batch

    @property
    def window_is_complete(self) -> bool:
        """Whether all of the window's rows have gone through backward, so that a step is due."""
        return not self._pending

    def optimizer_step(self) -> tuple[float, float]:
        """Clips, steps and goes on to the next window. Gives (learning rate used, norm before clipping)."""
        limit = self.config.max_grad_norm
        norm = nn.utils.clip_grad_norm_(self.parameters, limit if limit > 0 else math.inf)
        learning_rate = float(self.optimizer.param_groups[0]["lr"])
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._open_window()
        return learning_rate, float(norm)


def warmup_step_count(config: TrialConfig, steps: int) -> int:
    """`warmup_steps` as a count: a value below 1 is a share of all steps, rounded up (transformers 5)."""
    if config.warmup_steps < 1:
        return math.ceil(steps * config.warmup_steps)
    return int(config.warmup_steps)


def new_adapter(config: TrialConfig, layers: Mapping[str, SlotLinear], seed: int) -> dict[str, LoraWeights]:
    """A fresh adapter that changes nothing yet: A as PEFT draws it (Kaiming uniform, a = sqrt 5), B zero.

    Raises InputError for a target module that no layer is named after.
    """
    generator = torch.Generator().manual_seed(seed)
    adapter = {}
    for name in target_layers(config.target_modules, layers):
        base = layers[name].base
        lora_a = torch.empty(config.lora_rank, base.in_features)
        nn.init.kaiming_uniform_(lora_a, a=math.sqrt(5), generator=generator)
        lora_b = torch.zeros(base.out_features, config.lora_rank)
        adapter[name] = LoraWeights(
            nn.Parameter(lora_a), nn.Parameter(lora_b), config.lora_alpha / config.lora_rank
        )
    return adapter
