"""Which linear layers `target_modules` means."""

from collections.abc import Iterable, Sequence

from sweeper.errors import InputError
from sweeper.space.suggest import did_you_mean

ALL_LINEAR = ("all-linear",)


def target_layers(target_modules: Sequence[str], layers: Iterable[str]) -> list[str]:
    """Names out of `layers`: all, or those equal to or ending in one of the targets, as PEFT matches.

    Raises InputError for a target that no layer is named after. `layers` leaves out the output head.
    """
    names = list(layers)
    if tuple(target_modules) == ALL_LINEAR:
        return names
    for target in target_modules:
        if not any(_matches(name, target) for name in names):
            known = sorted({name.rpartition(".")[2] for name in names})
            otherwise = f"Choose among {', '.join(known)}, or write all-linear"
            raise InputError(
                "parameters.target_modules",
                f"this model has no linear layer named {target!r}",
                did_you_mean(target, known, otherwise),
            )
    return [name for name in names if any(_matches(name, target) for target in target_modules)]


def _matches(name: str, target: str) -> bool:
    return name == target or name.endswith("." + target)
