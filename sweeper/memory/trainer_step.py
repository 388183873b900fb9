"""Runs a step as Hugging Face's Trainer with PEFT takes it, under a tracker."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from sweeper.memory.marks import mark_gradients, mark_layers
from sweeper.memory.optimizers import build_optimizer, warm_up
from sweeper.memory.settings import TrainerStep
from sweeper.memory.tracker import OUTSIDE, LiveTracker
from sweeper.training.checkpointing import decoder_layers

_MAX_GRAD_NORM = 1.0


def run_trainer_step(model: Any, step: TrainerStep, tracker: LiveTracker, warm: bool) -> Any:
    """Two optimizer steps; or where `warm`, the second alone, on an optimizer that has its state already.

    Gives what lives on between steps.
    """
    mark_layers(decoder_layers(model), tracker)
    model.config.use_cache = step.use_cache and not step.gradient_checkpointing
    if step.copies_logits:
        model.loss_function = _loss_of_copied_logits
    _upcast(model, step)
    if step.gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": step.reentrant})
    with tracker.counting_as("adapters"):
        trained = _with_adapter(model, step)
    trained.train()
    parameters = [parameter for parameter in trained.parameters() if parameter.requires_grad]
    mark_gradients(parameters, tracker)
    optimizer = build_optimizer(step.optim, parameters, step.fused)
    if warm:
        with tracker.counting_as("optimizer"):
            warm_up(optimizer)
    allocator = tracker.allocator
    assert allocator is not None
    allocator.reset_peaks()
    tracker.forget()
    outputs = None
    for length in [step.seq_length] if warm else [step.first_seq_length or step.seq_length, step.seq_length]:
        if step.empties_cache:
            allocator.empty_cache()
        optimizer.zero_grad(set_to_none=step.gradients_after != "zero")
        outputs = _one_step(trained, optimizer, replace(step, seq_length=length), tracker, outputs)
    return trained, optimizer, outputs


def _upcast(model: Any, step: TrainerStep) -> None:
    """prepare_model_for_kbit_training makes every 16-bit weight fp32; TRL keeps the norms alone so."""
    if step.upcast == "none":
        return
    for name, module in model.named_modules():
        for key, parameter in list(module._parameters.items()):
            half = parameter is not None and parameter.dtype in (torch.bfloat16, torch.float16)
            if half and (step.upcast == "all" or "norm" in name):
                module._parameters[key] = nn.Parameter(parameter.float(), requires_grad=False)


def _loss_of_copied_logits(logits: torch.Tensor, labels: torch.Tensor, vocab_size: int, **rest: Any) -> Any:
    """transformers' ForCausalLMLoss up to 4.48."""
    logits = logits.float()
    shifted = logits[..., :-1, :].contiguous()
    targets = labels[..., 1:].contiguous()
    return nn.functional.cross_entropy(shifted.view(-1, vocab_size), targets.view(-1))


def _with_adapter(model: Any, step: TrainerStep) -> Any:
    if step.lora_rank is None:
        return model.requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    targets = step.target_modules
    config = LoraConfig(
        r=step.lora_rank,
        lora_alpha=32,
        lora_dropout=step.lora_dropout,
        use_dora=step.use_dora,
        target_modules="all-linear" if targets == ("all-linear",) else list(targets),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def _one_step(
    model: Any, optimizer: torch.optim.Optimizer, step: TrainerStep, tracker: LiveTracker, outputs: Any
) -> Any:
    """Gives the step's outputs where they live on; `outputs` are the last step's, dropped late."""
    tracker.segment = ("start", OUTSIDE)
    with tracker.counting_as("activations"):
        outputs = _forward_backward(model, step, outputs)
    tracker.segment = ("optimizer", OUTSIDE)
    with tracker.counting_as("optimizer"):
        if step.clips:
            nn.utils.clip_grad_norm_(model.parameters(), _MAX_GRAD_NORM, foreach=True)
        optimizer.step()
        if step.gradients_after != "kept":
            optimizer.zero_grad(set_to_none=step.gradients_after == "none")
    return outputs


def _forward_backward(model: Any, step: TrainerStep, outputs: Any) -> Any:
    inputs = torch.zeros(step.micro_batch_size, step.seq_length, dtype=torch.long)
    mask = None
    if step.padded:
        shape = (step.micro_batch_size, 1, step.seq_length, step.seq_length)
        mask = torch.ones(shape, dtype=torch.bool)
    with _precision(step):
        outputs = model(input_ids=inputs, labels=inputs, attention_mask=mask)
    loss = outputs.loss
    if step.outputs_until == "forward":
        outputs = None
    loss.backward()
    return outputs if step.outputs_until == "next_step" else None


def _precision(step: TrainerStep) -> AbstractContextManager[Any]:
    if not step.autocast:
        return nullcontext()
    context: AbstractContextManager[Any] = torch.autocast("cpu", dtype=torch.bfloat16)
    return context
