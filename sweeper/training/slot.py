"""One trial in training: its adapter, optimizer, schedule and place in the data, shared with nobody."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from sweeper.data.encode import EncodedRow
from sweeper.data.order import total_steps, windows
from sweeper.space.trial_config import TrialConfig
from sweeper.training.divergence import LossWatch
from sweeper.training.layouts import Layout
from sweeper.training.loss_scale import LossScale
from sweeper.training.optimizers import make_optimizer
from sweeper.training.slot_linear import LoraWeights, SlotLinear, lora_scaling
from sweeper.training.targets import target_layers


class Slot:
    """Trains one trial, a window of `effective_batch_size` rows per optimizer step.

    The window's loss is the sum of token cross-entropies over the number of its labels, whatever
    the micro-batches, as Trainer's with num_items_in_batch. So their order within it changes nothing
    but rounding; where `layout` is padded they are sorted by
    length, which spares padding. `loss_scale` is for a base
    in float16: a step whose gradients overflow is left out, and the schedule goes on.
    """

    def __init__(
        self,
        config: TrialConfig,
        rows: Sequence[EncodedRow],
        layers: Mapping[str, SlotLinear],
        micro_batch_size: int,
        seed: int,
        stop_step: int | None = None,
        layout: Layout | None = None,
        loss_scale: LossScale | None = None,
    ) -> None:
        from transformers import get_scheduler

        self.config = config
        self.rows = rows
        self.micro_batch_size = micro_batch_size
        self.adapter = new_adapter(config, layers, seed)
        self.parameters = [p for weights in self.adapter.values() for p in (weights.lora_a, weights.lora_b)]
        self.total_steps = total_steps(config, len(rows))
        self.optimizer = make_optimizer(
            config.optim, self.parameters, config.learning_rate, config.weight_decay
        )
        self.scheduler = get_scheduler(
            config.lr_scheduler_type,
            self.optimizer,
            num_warmup_steps=warmup_step_count(config, self.total_steps),
            num_training_steps=self.total_steps,
        )
        self.stop_step = self.total_steps if stop_step is None else min(stop_step, self.total_steps)
        self.step = 0
        self.examples = 0
        self.tokens = 0
        self.computed_tokens = 0
        self.train_seconds = 0.0
        self.losses = LossWatch()
        self.is_torn = False
        """Within an optimizer step, and for good where one broke off: parameters and state may not belong
        together."""
        self.loss_scale = loss_scale
        self.has_ended_early = False
        self._seed = seed
        self.layout = layout
        self._open_windows()

    @property
    def finished(self) -> bool:
        return self.has_ended_early or self.step >= self.total_steps

    @property
    def stopped(self) -> bool:
        """Whether nothing is to be trained: finished, or paused at `stop_step`."""
        return self.has_ended_early or self.step >= self.stop_step

    def _open_windows(self) -> None:
        self._windows = itertools.islice(windows(self.config, len(self.rows), self._seed), self.step, None)
        self._open_window()

    def _open_window(self) -> None:
        self._pending = [self.rows[index] for index in next(self._windows, [])]
        if self.layout == "padded":
            self._pending.sort(key=lambda row: len(row.input_ids))
        self.window_label_count = sum(row.label_count for row in self._pending)
        self.window_loss = 0.0
        self.micro_batch = 0
        self._counted = self.examples, self.tokens, self.computed_tokens

    def next_micro_batch(self) -> list[EncodedRow]:
        """The next rows of the current window, at most `micro_batch_size`. Empty once finished."""
        batch = self._pending[: self.micro_batch_size]
        self._pending = self._pending[self.micro_batch_size :]
        self.micro_batch += 1
        self.examples += len(batch)
        self.tokens += sum(len(row.input_ids) for row in batch)
        return batch

    @property
    def heaviest_pending_tokens(self) -> int:
        """Tokens of the heaviest micro-batch that is left of the window."""
        size, rows = self.micro_batch_size, self._pending
        batches = (rows[start : start + size] for start in range(0, len(rows), size))
        return max((sum(len(row.input_ids) for row in batch) for batch in batches), default=0)

    @property
    def dropout_key(self) -> str | None:
        """What the dropout masks of the next micro-batch are drawn from, None without dropout."""
        return f"{self._seed}/{self.step}/{self.micro_batch}" if self.config.lora_dropout else None

    @property
    def window_is_complete(self) -> bool:
        """Whether all of the window's rows have gone through backward, so that a step is due."""
        return not self._pending

    def optimizer_step(self) -> tuple[float, float]:
        """Clips, steps and goes on to the next window. Gives (learning rate used, norm before clipping)."""
        limit = self.config.max_grad_norm
        if self.loss_scale:
            self.loss_scale.unscale(self.parameters)
        norm = nn.utils.clip_grad_norm_(self.parameters, limit if limit > 0 else math.inf)
        learning_rate = float(self.optimizer.param_groups[0]["lr"])
        self.is_torn = True
        if self.loss_scale is None or self.loss_scale.allows(float(norm)):
            self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self.is_torn = False
        self.optimizer.zero_grad(set_to_none=True)
        self._open_window()
        return learning_rate, float(norm)

    def abandon_window(self) -> None:
        """Back to the end of the last step: of the window that is begun nothing stays, gradients neither."""
        self.optimizer.zero_grad(set_to_none=True)
        self.examples, self.tokens, self.computed_tokens = self._counted
        self._open_windows()

    def copy_parameters(self) -> list[torch.Tensor]:
        """The adapter as it is now, on the CPU."""
        copied: list[torch.Tensor] = _copied([parameter.detach() for parameter in self.parameters])
        return copied

    def put_parameters(self, parameters: Sequence[torch.Tensor]) -> None:
        """Makes the adapter what `copy_parameters` gave."""
        with torch.no_grad():
            for parameter, saved in zip(self.parameters, parameters, strict=True):
                parameter.copy_(saved)

    def state(self) -> dict[str, Any]:
        """All that the coming steps depend on beside the constructor's arguments; tensors copied to the CPU.

        Only between optimizer steps: a window that is begun is not saved. Raises ValueError there.
        """
        if self.micro_batch:
            raise ValueError("a slot can be saved between optimizer steps only")
        counters = {name: getattr(self, name) for name in _COUNTERS}
        return {
            "counters": counters,
            "parameters": self.copy_parameters(),
            "optimizer": _copied(self.optimizer.state_dict()),
            "scheduler": _copied(self.scheduler.state_dict()),
            "losses": self.losses.state(),
            **({"loss_scale": self.loss_scale.state()} if self.loss_scale else {}),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave for a slot of the same arguments."""
        self.put_parameters(state["parameters"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.losses.load_state(state["losses"])
        if self.loss_scale:
            self.loss_scale.load_state(state["loss_scale"])
        for name in _COUNTERS:
            setattr(self, name, state["counters"][name])
        self._open_windows()


_COUNTERS = ("step", "examples", "tokens", "computed_tokens", "train_seconds")


def _copied(value: Any) -> Any:
    """A copy of nested state that shares no tensor with it."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value


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
    scaling = lora_scaling(config.lora_alpha, config.lora_rank, config.use_rslora)
    adapter = {}
    for name in target_layers(config.target_modules, layers):
        base = layers[name].base
        device = base.weight.device
        lora_a = torch.empty(config.lora_rank, base.in_features)  # on the CPU, where all draw the same
        nn.init.kaiming_uniform_(lora_a, a=math.sqrt(5), generator=generator)
        lora_b = torch.zeros(base.out_features, config.lora_rank, device=device)
        adapter[name] = LoraWeights(nn.Parameter(lora_a.to(device)), nn.Parameter(lora_b), scaling)
    return adapter
