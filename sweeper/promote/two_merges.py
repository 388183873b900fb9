"""A trial that was trained on an nf4 base: merged into the dequantised base and into the original one,
both asked dev, and the better one taken.

Training saw the first; the second has what 4 bit took from the base. Which one serves an adapter better
is seen on dev and not known beforehand.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.data.template import Template
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.merge import MergeBase, merge_adapter
from sweeper.promote.merge_choice import MergeChoice, MergedInto, Nf4Training, OnDev
from sweeper.promote.nf4 import dequantised_nf4
from sweeper.promote.record import Record
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.case_loss import case_losses
from sweeper.scoring.generate import evaluating
from sweeper.scoring.means import mean_of
from sweeper.scoring.score import score_suite
from sweeper.scoring.suite import Suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def merge_both_ways(
    source: MergeBase,
    adapter: LoraAdapter,
    training: Nf4Training,
    template: Template,
    folder: Path,
    record: Record,
) -> MergeChoice:
    """Leaves the better merged model in `folder`, without a tokenizer, and the other one nowhere.

    Where the objective is equal target_loss decides, and where that is equal too, what training saw. Takes
    as much room on the disk as a merged model and its .gguf. Raises SweepError as `merge_adapter` does.
    """
    sources: dict[MergedInto, MergeBase] = {
        "dequantised": dequantised_nf4(source, training.precision.dtype),
        "original": source,
    }
    folders = {into: folder.parent / f"{folder.name}-{into}" for into in sources}
    found: dict[MergedInto, OnDev] = {}
    for into, base in sources.items():
        with record.step(f"merge into the {into} base"):
            merge_adapter(base, adapter, folders[into])
        with record.step(f"dev by the {into} base"):
            found[into] = _on_dev(folders[into], training, template)
    taken: MergedInto = "original" if found["original"].rank > found["dequantised"].rank else "dequantised"
    folders[taken].rename(folder)
    for other in folders.values():
        shutil.rmtree(other, ignore_errors=True)
    return MergeChoice(taken, found["dequantised"], found["original"])


def _on_dev(folder: Path, training: Nf4Training, template: Template) -> OnDev:
    """Asks the merged model, where and in the precision that trials were scored in."""
    import torch
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, training.precision.dtype)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    model = model.to(training.precision.device)
    loss = _target_loss(model, template, training.dev[0])
    objective = -training.objective.loss_weight * (loss or 0.0)
    for name, weight in training.objective.score_weights.items():
        suite = next(suite for suite in training.dev if suite.name == name)
        objective += weight * (score_suite(model, template, suite).score or 0.0)
    return OnDev(objective, loss)


def _target_loss(model: "PreTrainedModel", template: Template, suite: Suite) -> float | None:
    """The search's target_loss: the mean over the cases that expect an answer to the letter."""
    pairs = zip(suite.cases, render_prompts(template, suite), strict=True)
    asked = [(case, prompt) for case, prompt in pairs if case.expected]
    cases, prompts = [case for case, _ in asked], [prompt for _, prompt in asked]
    with evaluating(model):
        losses = case_losses(model, template, cases, prompts)
    return mean_of(losses)
