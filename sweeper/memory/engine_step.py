"""Runs a step of sweeper's own engine under a tracker."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from sweeper.data.encode import EncodedRow
from sweeper.memory.marks import mark_gradients, mark_layers
from sweeper.memory.optimizers import build_optimizer, warm_up
from sweeper.memory.settings import EngineStep
from sweeper.memory.tracker import OUTSIDE, LiveTracker
from sweeper.space.trial_config import TrialConfig
from sweeper.training.checkpointing import decoder_layers
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot


def run_engine_step(
    model: Any,
    step: EngineStep,
    tracker: LiveTracker,
    warm: bool,
    make_optimizer: Callable[..., torch.optim.Optimizer] = build_optimizer,
) -> Any:
    """Two optimizer steps; or where `warm`, the second alone, on an optimizer that has its state already.

    Gives what lives on between steps. `make_optimizer` is for any but the engine's own AdamW.
    """
    layers = decoder_layers(model)
    engine = Engine(model, layout=step.layout)
    mark_layers(layers, tracker)
    slots = [_slot(engine, step, tracker, index, make_optimizer) for index in range(step.cohort)]
    if warm:
        with tracker.counting_as("optimizer"):
            for slot in slots:
                warm_up(slot.optimizer)
    tracker.forget()
    for _ in range(1 if warm else 2):
        _one_step(engine, slots, tracker)
    return slots


def _slot(
    engine: Engine,
    step: EngineStep,
    tracker: LiveTracker,
    index: int,
    make_optimizer: Callable[..., torch.optim.Optimizer],
) -> Slot:
    config = TrialConfig(
        lora_rank=step.lora_rank,
        target_modules=step.target_modules,
        lora_dropout=step.lora_dropout,
        effective_batch_size=step.micro_batch_size,
        max_seq_length=step.seq_length,
        num_train_epochs=None,
        max_steps=4,
        gradient_checkpointing=step.gradient_checkpointing,
    )
    with tracker.counting_as("adapters"):
        slot = Slot(config, _rows(step), engine.layers, step.micro_batch_size, seed=index)
    if step.optim != "adamw_torch":
        slot.optimizer = make_optimizer(step.optim, slot.parameters, fused=True)
    mark_gradients(slot.parameters, tracker)
    return slot


def _rows(step: EngineStep) -> list[EncodedRow]:
    """Rows of one length whose common prefix is as long as the settings say."""
    tail = step.seq_length - step.shared_prefix
    return [
        EncodedRow((*([0] * step.shared_prefix), *([row + 1] * tail)), step.prompt_length)
        for row in range(step.micro_batch_size)
    ]


def _one_step(engine: Engine, slots: Sequence[Slot], tracker: LiveTracker) -> None:
    tracker.segment = ("start", OUTSIDE)
    with tracker.counting_as("activations"):
        engine.micro_step(slots)
    tracker.segment = ("optimizer", OUTSIDE)
    with tracker.counting_as("optimizer"):
        for slot in slots:
            slot.optimizer_step()
