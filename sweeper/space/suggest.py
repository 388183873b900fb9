"""Finds what a user most likely meant by a misspelled word."""

import difflib
from collections.abc import Iterable

_OTHER_NAMES = {
    "lr": "learning_rate",
    "r": "lora_rank",
    "alpha": "lora_alpha",
    "batch_size": "effective_batch_size",
    "dropout": "lora_dropout",
    "rslora": "use_rslora",
    "low": "min",
    "high": "max",
    "choices": "values",
    "validation": "dev",
    "val": "dev",
    "tests": "cases",
    "defaulttest": "defaults",
    "llm_rubric": "judge",
}
"""Names that other tools give to keys of ours, and that are not spelled alike."""


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word nearest to `word`, or None where none is near.

    Near is what another tool calls it, else difflib's ratio of `cutoff`, letter case and the kind of
    dash aside, else a known word that ends with it ("epochs" for "num_train_epochs").
    """
    by_form = {_form(candidate): candidate for candidate in known}
    wanted = _form(word)
    if (ours := _OTHER_NAMES.get(wanted)) in by_form:
        return ours
    near = difflib.get_close_matches(wanted, by_form, n=1, cutoff=cutoff)
    if near:
        return by_form[near[0]]
    endings = [candidate for form, candidate in by_form.items() if form.endswith("_" + wanted)]
    return endings[0] if len(endings) == 1 else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown word: the nearest known one, or else the sentence `otherwise`."""
    found = closest(word, known)
    return f"Did you mean '{found}'?" if found else otherwise


def _form(word: str) -> str:
    return word.strip().lower().replace("-", "_")
