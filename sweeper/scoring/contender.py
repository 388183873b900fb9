"""Any model that a suite can be asked of: a base, a base with an adapter, or a model in Ollama."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import InputError
from sweeper.models.reference import BaseReference, resolve_base
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.fingerprint import adapter_fingerprint, base_fingerprint
from sweeper.scoring.generate import Progress
from sweeper.scoring.score import Remembered, Score, score_answers, score_suite
from sweeper.scoring.suite import Suite

if TYPE_CHECKING:
    from sweeper.data.template import Template
    from sweeper.training.slot_linear import LoraWeights, SlotLinear

ADAPTER_CONFIG = "adapter_config.json"
_MORE_THAN_LORA = (
    "use_dora",
    "bias",
    "lora_bias",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "fan_in_fan_out",
)
OLLAMA = "ollama:"
BASE = "base"


@dataclass(frozen=True, slots=True)
class Contender:
    """What is scored. `label` is how the user called it; `ollama` is a model's name there, if it is one."""

    label: str
    base: BaseReference | None = None
    adapter: Path | None = None
    ollama: str | None = None


def parse_contender(text: str, base: BaseReference | None) -> Contender:
    """ollama:NAME, `base` (--model without its adapter), the folder of an adapter on --model, or a base
    model as in a space file. Paths are relative to the working folder. Raises InputError."""
    if text.startswith(OLLAMA):
        return Contender(text, ollama=text.removeprefix(OLLAMA))
    path = Path(os.path.abspath(os.path.expanduser(text)))
    is_adapter = (path / ADAPTER_CONFIG).is_file()
    if not is_adapter and text != BASE:
        return Contender(text, base=resolve_base(text, Path.cwd()))
    if base is None:
        raise InputError(f"--against {text}", "belongs to a base model, and none is named", "Add --model")
    return Contender(text, base=base, adapter=path if is_adapter else None)


class Scoreboard:
    """Scores contenders one after the other; a base stays loaded for as long as it is asked for."""

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache
        self._loaded: _Loaded | None = None

    def score(self, contender: Contender, suite: Suite, progress: Progress) -> Score:
        """Raises InputError where the model cannot be had, SweepError where Ollama fails."""
        if contender.ollama is not None:
            from sweeper.scoring.through_ollama import answer_in_ollama
            from sweeper.serving.ollama import OllamaClient

            _refuse_for_ollama(suite)
            prompts, answers = answer_in_ollama(OllamaClient.connect(), contender.ollama, suite, progress)
            return score_answers(suite, prompts, answers)
        assert contender.base is not None, "a contender is a base or a name in Ollama"
        if self._loaded is None or self._loaded.reference != contender.base:
            self._loaded = None  # its memory is free before the next one takes its own
            self._loaded = _load(contender.base)
        return self._loaded.score(contender.adapter, suite, self._cache, progress)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A base whose linear layers can carry an adapter, as in training."""

    reference: BaseReference
    model: Any
    template: "Template"
    layers: "dict[str, SlotLinear]"
    fingerprint: str

    def score(self, folder: Path | None, suite: Suite, cache: AnswerCache, progress: Progress) -> Score:
        from sweeper.training.slot_linear import active_slots

        adapter = self._fitting(folder) if folder else {}
        key = adapter_fingerprint(adapter) if folder else ""
        with active_slots(self.layers, [adapter]):
            remembered = Remembered(cache, self.fingerprint, key)
            return score_suite(self.model, self.template, suite, progress=progress, remembered=remembered)

    def _fitting(self, folder: Path) -> "dict[str, LoraWeights]":
        """The adapter in `folder`. Raises InputError where it does not fit the base."""
        from sweeper.training.adapter_files import load_adapter

        _refuse_more_than_lora(folder)
        adapter = load_adapter(folder)
        for name, weights in adapter.items():
            found = [weights.lora_b.shape[0], weights.lora_a.shape[1]]
            wanted = list(self.layers[name].base.weight.shape) if name in self.layers else None
            if found != wanted:
                problem = f"the adapter is made for a layer {name} of {found}, and the model's is {wanted}"
                if wanted is None:
                    problem = f"the adapter changes the layer {name}, which the model does not have"
                raise InputError(str(folder), problem, "Name the base that it was trained on")
        return adapter


def _refuse_for_ollama(suite: Suite) -> None:
    """Raises InputError for what needs more of a model than its answers."""
    if any(case.is_answered for case in suite.cases):
        return
    what = "is of type lm-eval" if suite.harness is not None else "asks for target_loss alone"
    problem = f"'{suite.name}' {what}, which needs more than Ollama tells"
    raise InputError(str(suite.path), problem, "Score it by --model")


def _load(reference: BaseReference) -> _Loaded:
    from sweeper.data.template import template_of
    from sweeper.models.load import load_base
    from sweeper.training.slot_linear import wrap_linears

    base = load_base(reference)
    fingerprint = base_fingerprint(reference, base.model)
    layers = wrap_linears(base.model, base.model.get_output_embeddings())
    return _Loaded(reference, base.model, template_of(base.tokenizer), layers, fingerprint)


def _refuse_more_than_lora(folder: Path) -> None:
    """What our own layers do not compute must not be left out in silence."""
    config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    more = [key for key in _MORE_THAN_LORA if config.get(key) not in (None, False, {}, [], "none")]
    if config.get("peft_type") != "LORA":
        more.append("peft_type")
    if more:
        problem = f"{more[0]} is {config.get(more[0])!r}, and only plain LoRA can be scored"
        raise InputError(
            str(folder / ADAPTER_CONFIG), problem, "Merge the adapter, and name the merged model"
        )
