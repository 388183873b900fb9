"""Trains K trials at once on one frozen base, each exactly as it would train alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.errors import InputError
from sweeper.training.batch import Batch
from sweeper.training.checkpointing import LayerCheckpointing, decoder_layers
from sweeper.training.divergence import loss_ceiling
from sweeper.training.dropout import DropoutDraw
from sweeper.training.layouts import LAYOUTS as LAYOUTS
from sweeper.training.layouts import MASK_TOKENS
from sweeper.training.layouts import Layout as Layout
from sweeper.training.logits import finished_logits
from sweeper.training.packed import pack, packed_length, shared_length
from sweeper.training.padded import pad
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import SlotLinear, active_slots, wrap_linears


@dataclass(frozen=True, slots=True)
class StepResult:
    """One optimizer step of one slot, mean loss in nats a token.

    `divergence` is the reason why the slot must not go on; with a loss that is no number the step
    was not taken.
    """

    slot: Slot
    step: int
    loss: float
    learning_rate: float
    grad_norm: float
    divergence: str | None = None


class Engine:
    """A frozen base whose linear layers carry the adapters of whichever slots are active.

    Rows are laid out by `layout`, or as a slot says; the packed one computes a common prefix once if
    `share_prefix`.
    """

    def __init__(self, model: Any, share_prefix: bool = True, layout: Layout = "packed") -> None:
        model.requires_grad_(False)
        self.model = model
        self.decoder: nn.Module = model.base_model
        self.head: nn.Module = model.get_output_embeddings()
        self.layers: dict[str, SlotLinear] = wrap_linears(model, self.head)
        self.device: torch.device = self.head.weight.device
        self.checkpointing = _checkpointing(model)
        self._config: Any = model.config.get_text_config()
        self._adds_masks = getattr(model.config, "_attn_implementation", None) == "eager"
        self.share_prefix = share_prefix
        self.layout: Layout = layout
        self.loss_ceiling = loss_ceiling(model.config.get_text_config().vocab_size)

    def train(self, slots: Sequence[Slot]) -> Iterator[StepResult]:
        """Trains each of `slots` until it stops; gives a result whenever one of them has taken a step."""
        active = [slot for slot in slots if not slot.stopped]
        while active:
            for result in self.advance(active):
                yield result
                if result.divergence or result.slot.stopped:  # also where who took the step stopped it
                    active.remove(result.slot)

    def advance(self, slots: Sequence[Slot]) -> list[StepResult]:
        """One micro-batch of each of `slots`, none of which has stopped. Gives the steps that it completed.

        Which slots go along may change from call to call: none can tell.
        """
        results = []
        for slot, loss in zip(slots, self.micro_step(slots), strict=True):
            slot.window_loss += loss
            if not math.isfinite(slot.window_loss):
                step = slot.step + 1
                reason = f"the loss at step {step} is {slot.window_loss}"
                results.append(StepResult(slot, step, slot.window_loss, 0.0, 0.0, reason))
            elif slot.window_is_complete:
                results.append(self._take_step(slot))
        return results

    def _take_step(self, slot: Slot) -> StepResult:
        loss = slot.window_loss
        learning_rate, norm = slot.optimizer_step()
        divergence = slot.losses.diverges(loss, self.loss_ceiling)
        may_overflow = slot.loss_scale is not None and not slot.loss_scale.is_spent
        if not math.isfinite(norm) and not may_overflow:
            divergence = f"the gradient's norm at step {slot.step} is {norm}"
        return StepResult(slot, slot.step, loss, learning_rate, norm, divergence)

    def micro_step(self, slots: Sequence[Slot]) -> list[float]:
        """Forward and backward of one micro-batch per slot; gradients add up in each slot's adapter.

        Gives each slot's share of its window's mean loss.
        """
        self._set_checkpointing(slots)
        counts = torch.tensor([float(slot.window_label_count) for slot in slots], device=self.device)
        scales = torch.tensor([slot.loss_scale.value if slot.loss_scale else 1.0 for slot in slots])
        keys = [slot.dropout_key for slot in slots]
        groups = [slot.next_micro_batch() for slot in slots]
        layouts = {slot.layout or self.layout for slot in slots}
        layout: Layout = "packed" if layouts == {"packed"} else "padded"
        batch = self.lay_out(groups, [key is None for key in keys], layout, over_labels=True)
        for slot in slots:
            slot.computed_tokens += batch.rows_per_slot * batch.input_ids.shape[1]
        dropouts = [
            DropoutDraw(slot.config.lora_dropout, key, real.nonzero()[:, 0]) if key else None
            for slot, key, real in zip(slots, keys, batch.real_of_slots(), strict=True)
        ]
        with active_slots(self.layers, [slot.adapter for slot in slots], dropouts):
            sums = self.loss_sums(batch)
            shares = sums / counts
            # A slot whose loss is no number must not reach the others through the sum.
            sound = torch.where(shares.isfinite(), shares, 0.0) * scales.to(self.device)
            sound.sum().backward()  # type: ignore[no-untyped-call]
        return shares.tolist()

    def _set_checkpointing(self, slots: Sequence[Slot]) -> None:
        """On where one of them asks for it: to the others it changes nothing but time."""
        wanted = any(slot.config.gradient_checkpointing for slot in slots)
        if self.checkpointing is not None:
            self.checkpointing.is_on = wanted
        elif wanted:
            raise InputError(
                "parameters.gradient_checkpointing",
                f"{type(self.model).__name__} has no list of decoder layers to checkpoint",
                "Write false",
            )

    def lay_out(
        self,
        groups: Sequence[Sequence[EncodedRow]],
        may_share: Sequence[bool],
        layout: Layout | None = None,
        over_labels: bool = False,
    ) -> Batch:
        """The slots' micro-batches by `layout`, else the engine's; slot k shares a prefix if `may_share[k]`.

        What would need a mask of more than MASK_TOKENS is padded. `over_labels` is for `loss_sums` alone:
        a shared label stands once, with its weight.
        """
        shares = [self.share_prefix and may for may in may_share]
        is_padded = (layout or self.layout) == "padded" or any(
            packed_length(group, 0) > MASK_TOKENS
            and packed_length(group, shared_length(group, over_labels) if share else 0) > MASK_TOKENS
            for group, share in zip(groups, shares, strict=True)
        )
        return (pad(groups) if is_padded else pack(groups, shares, over_labels)).to(self.device)

    def loss_sums(self, batch: Batch) -> torch.Tensor:
        """Sum of token cross-entropies in each slot's rows, shape [K]."""
        labelled = batch.labels != IGNORED
        owners = labelled.nonzero()[:, 0] // batch.rows_per_slot
        losses = self.token_losses(batch)
        if batch.weights is not None:
            losses = losses * batch.weights[labelled]
        return torch.zeros(batch.slots, device=self.device).index_add(0, owners, losses)

    def token_losses(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy at each labelled position of all slots in turn, in nats, fp32, shape [labels].

        The head runs on labelled positions only.
        """
        logits = self.labelled_logits(batch).float()
        return nn.functional.cross_entropy(logits, batch.labels[batch.labels != IGNORED], reduction="none")

    def labelled_logits(self, batch: Batch) -> torch.Tensor:
        """Logits at the labelled positions of all slots in turn, shape [labels, vocabulary]."""
        hidden = self.decoder(
            input_ids=batch.input_ids,
            position_ids=batch.position_ids,
            attention_mask=self._mask_of(batch),
            use_cache=False,
        ).last_hidden_state
        logits: torch.Tensor = self.head(hidden[batch.labels != IGNORED])
        return finished_logits(self._config, logits)

    def _mask_of(self, batch: Batch) -> torch.Tensor | None:
        """Eager attention adds its mask to the scores; sdpa takes a boolean one."""
        if batch.attention_mask is None or not self._adds_masks:
            return batch.attention_mask
        dtype: torch.dtype = self.model.dtype
        hidden = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=self.device)
        return torch.where(batch.attention_mask, torch.zeros_like(hidden), hidden)

    @torch.inference_mode()
    def check_layout(self, rows: Sequence[EncodedRow]) -> float:
        """How far the layout's logits lie from the whole model's, row by row: |difference| / |logits|.

        Architectures differ in whether they honour the packed layout's mask; this shows it at load.
        """
        together = self.labelled_logits(self.lay_out([rows], [True]))
        alone = torch.cat([self._labelled_alone(row) for row in rows])
        return float((together - alone).float().norm() / alone.float().norm())

    def _labelled_alone(self, row: EncodedRow) -> torch.Tensor:
        labelled = torch.tensor(row.labels[1:]) != IGNORED
        ids = torch.tensor([row.input_ids], device=self.device)
        logits: torch.Tensor = self.model(input_ids=ids).logits[0, :-1][labelled.to(self.device)]
        return logits


def _checkpointing(model: Any) -> LayerCheckpointing | None:
    try:
        return LayerCheckpointing(decoder_layers(model))
    except LookupError:
        return None
