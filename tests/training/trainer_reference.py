"""The instrument that the engine is held against: Hugging Face's Trainer with PEFT, on the same rows."""

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sweeper.data.encode import EncodedRow
from sweeper.data.order import windows
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot

Tensors = dict[str, torch.Tensor]

DEFAULT_EPSILON = 1e-8
STEADY_EPSILON = 1e-3
"""Of AdamW, where random draws are compared. With the usual 1e-8 a number whose first gradient is near zero
by chance moves by g / (|g| + 1e-8), so rounding decides its step: seen was -6.1e-8 alone and -5.7e-8 in a
cohort, beside gradients of 1e-2, which moved one number of an adapter by 8e-5 and the whole by 4.6e-5 of
its norm. With this one, of the size of small gradients there, 31 random cohorts differed by at most 3e-7."""


@dataclass
class Trained:
    """What a run leaves to compare: per step the mean loss and the unclipped gradients, then the adapter.

    Names are those of the base's layers, with `.A` or `.B`.
    """

    losses: list[float]
    gradients: list[Tensors]
    start: Tensors
    end: Tensors


def train_with_trainer(
    model: Any,
    config: TrialConfig,
    rows: Sequence[EncodedRow],
    micro_batch: int,
    seed: int,
    start: Tensors,
    epsilon: float = DEFAULT_EPSILON,
) -> Trained:
    """Trains a copy of `model` by Trainer + PEFT from the adapter `start`, in the engine's row order."""
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainingArguments

    peft_model = get_peft_model(
        copy.deepcopy(model),
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=0.0,
            use_rslora=config.use_rslora,
            target_modules=_peft_targets(config),
            task_type="CAUSAL_LM",
        ),
    )
    named = _adapter_parameters(peft_model)
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(start[name])
    done = Trained([], [], _copies(named), {})

    def record_gradients() -> None:
        done.gradients.append({name: p.grad.clone() for name, p in named.items() if p.grad is not None})

    class Recording(Trainer):  # type: ignore[misc]
        def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            loss: torch.Tensor = super().training_step(*args, **kwargs)
            if len(done.losses) == len(done.gradients):
                done.losses.append(0.0)
            done.losses[-1] += float(loss)
            return loss

        def _clip_grad_norm(self, clipped: Any) -> Any:
            record_gradients()
            return super()._clip_grad_norm(clipped)

        def _get_grad_norm(self, clipped: Any, grad_norm: Any = None) -> Any:
            if grad_norm is None:  # nothing is clipped, so the method above was not called
                record_gradients()
            return super()._get_grad_norm(clipped, grad_norm)

    with tempfile.TemporaryDirectory() as folder:
        Recording(
            model=peft_model,
            train_dataset=[_features(rows[i]) for window in windows(config, len(rows), seed) for i in window],
            data_collator=padded,
            args=TrainingArguments(
                output_dir=folder,
                use_cpu=True,
                optim=config.optim,
                adam_epsilon=epsilon,
                gradient_checkpointing=config.gradient_checkpointing,
                train_sampling_strategy="sequential",
                per_device_train_batch_size=micro_batch,
                gradient_accumulation_steps=config.effective_batch_size // micro_batch,
                learning_rate=config.learning_rate,
                num_train_epochs=1,
                max_steps=config.max_steps or -1,
                warmup_steps=config.warmup_steps,
                weight_decay=config.weight_decay,
                max_grad_norm=config.max_grad_norm,
                lr_scheduler_type=config.lr_scheduler_type,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                remove_unused_columns=False,
                dataloader_pin_memory=False,
            ),
        ).train()
    done.end = _copies(named)
    return done


def train_with_engine(
    engine: Engine, config: TrialConfig, rows: Sequence[EncodedRow], micro_batch: int, seed: int
) -> tuple[Slot, Trained]:
    """Trains one slot alone and records the same."""
    slot = Slot(config, rows, engine.layers, micro_batch, seed)
    with torch.no_grad():  # a zero B would leave A without gradient, and half of the test without force
        generator = torch.Generator().manual_seed(seed + 1)
        for weights in slot.adapter.values():
            weights.lora_b.normal_(std=0.05, generator=generator)
    done = Trained([], [], slot_tensors(slot), {})
    take_step = slot.optimizer_step

    def recording_step() -> tuple[float, float]:
        done.gradients.append(slot_gradients(slot))
        return take_step()

    slot.optimizer_step = recording_step  # type: ignore[method-assign]
    done.losses = [result.loss for result in engine.train([slot])]
    done.end = slot_tensors(slot)
    return slot, done


def steadied(slot: Slot) -> Slot:
    """The slot with STEADY_EPSILON, so that its optimizer does not make rounding larger."""
    for group in slot.optimizer.param_groups:
        group["eps"] = STEADY_EPSILON
    return slot


def slot_tensors(slot: Slot) -> Tensors:
    """The slot's adapter, copied."""
    return {
        f"{name}.{part}": tensor.detach().clone()
        for name, weights in slot.adapter.items()
        for part, tensor in (("A", weights.lora_a), ("B", weights.lora_b))
    }


def slot_gradients(slot: Slot) -> Tensors:
    """The slot's gradients, copied."""
    return {
        f"{name}.{part}": tensor.grad.clone()
        for name, weights in slot.adapter.items()
        for part, tensor in (("A", weights.lora_a), ("B", weights.lora_b))
        if tensor.grad is not None
    }


def largest_difference(ours: Trained, theirs: Trained) -> dict[str, float]:
    """Largest relative differences: of the losses, of each step's gradients, of the adapter's change.

    Gradients and the change are compared by norm over the whole adapter: |ours - theirs| / |theirs|.
    """
    assert len(ours.losses) == len(theirs.losses) == len(ours.gradients) == len(theirs.gradients)
    change = [{name: run.end[name] - run.start[name] for name in run.end} for run in (ours, theirs)]
    return {
        "loss": max(abs(a - b) / abs(b) for a, b in zip(ours.losses, theirs.losses, strict=True)),
        "gradient": max(relative_norm(a, b) for a, b in zip(ours.gradients, theirs.gradients, strict=True)),
        "change": relative_norm(*change),
    }


def relative_norm(ours: Tensors, theirs: Tensors) -> float:
    """|ours - theirs| / |theirs| over all tensors taken as one vector."""
    assert ours.keys() == theirs.keys()
    difference = sum(float((ours[name] - theirs[name]).double().square().sum()) for name in theirs)
    size = sum(float(tensor.double().square().sum()) for tensor in theirs.values())
    return float((difference / size) ** 0.5)


def _peft_targets(config: TrialConfig) -> str | list[str]:
    return "all-linear" if config.target_modules == ("all-linear",) else list(config.target_modules)


def _adapter_parameters(peft_model: Any) -> dict[str, torch.nn.Parameter]:
    renamed = {}
    for name, parameter in peft_model.named_parameters():
        if parameter.requires_grad:
            layer, _, rest = name.removeprefix("base_model.model.").partition(".lora_")
            renamed[f"{layer}.{rest[0]}"] = parameter
    return renamed


def _copies(named: dict[str, torch.nn.Parameter]) -> Tensors:
    return {name: parameter.detach().clone() for name, parameter in named.items()}


def _features(row: EncodedRow) -> dict[str, list[int]]:
    untrained = {*range(row.prompt_length), *(at for span in row.untrained for at in range(*span))}
    labels = [-100 if at in untrained else token for at, token in enumerate(row.input_ids)]
    return {"input_ids": list(row.input_ids), "labels": labels}


def padded(features: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Rows filled up to the longest of them, with its mask, as DataCollatorForSeq2Seq does it."""
    longest = max(len(feature["input_ids"]) for feature in features)

    def rectangle(key: str, fill: int) -> torch.Tensor:
        return torch.tensor([f[key] + [fill] * (longest - len(f[key])) for f in features])

    lengths = torch.tensor([len(feature["input_ids"]) for feature in features])
    return {
        "input_ids": rectangle("input_ids", 0),
        "labels": rectangle("labels", -100),
        "attention_mask": (torch.arange(longest)[None] < lengths[:, None]).long(),
    }
