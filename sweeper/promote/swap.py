"""Which copies give a name to another model, so that the last ones are kept and no death loses any.

Each step is worked out from the digests that the names have now. So whoever dies between two of them,
the next run sees how far it came and goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sweeper.serving.model_name import ModelName
from sweeper.serving.ollama import OllamaClient

Digest = str | None
"""None for a name that is not there."""


@dataclass(frozen=True, slots=True)
class Names:
    """The digests of a live name, of those it had before (last first), of a candidate for it, and of
    the model that a rollback takes it from."""

    live: Digest
    first: Digest = None
    second: Digest = None
    candidate: Digest = None
    leaving: Digest = None

    def after(self, move: "Move") -> "Names":
        source, target = move
        return replace(self, **{target: getattr(self, source)})


Move = tuple[str, str]
"""Copy the model of one field of Names to the name of another."""


def next_swap(names: Names) -> Move | None:
    """The next step on the way to give the candidate the live name; None at its end.

    The live model is kept first, and what was kept moves on; the oldest one falls away.
    """
    if names.live == names.candidate:
        return None
    if names.live is None or names.live == names.first:
        return "candidate", "live"
    if names.first is not None and names.first != names.second:
        return "first", "second"
    return "live", "first"


def next_rollback(names: Names) -> Move | None:
    """The next step on the way to give the live name its last model back; None at its end, and where
    none is kept. The model that leaves becomes the oldest one kept, so that nothing is lost."""
    if names.leaving is None or names.leaving == names.live:
        return _begin_rollback(names)
    if names.first in (None, names.live):
        has_other = names.second not in (None, names.live, names.leaving)
        return ("second", "first") if has_other else ("leaving", "first")
    return None if names.leaving in (names.first, names.second) else ("leaving", "second")


def is_rolling_back(names: Names) -> bool:
    """Whether a rollback has changed the live name and not come to its end."""
    return names.leaving not in (None, names.live)


def _begin_rollback(names: Names) -> Move | None:
    target = next(
        (slot for slot in ("first", "second") if getattr(names, slot) not in (None, names.live)), None
    )
    if target is None:
        return None
    return ("live", "leaving") if names.leaving is None and names.live is not None else (target, "live")


def read_names(client: OllamaClient, name: ModelName) -> Names:
    """The digests as the server has them now."""
    digests = {model.name.casefold(): model.digest for model in client.models()}
    return Names(**{slot: digests.get(str(where).casefold()) for slot, where in _places(name).items()})


def carry_out(client: OllamaClient, name: ModelName, step: Callable[[Names], Move | None]) -> Names:
    """Copies until `step` has no more to do. Returns how the names stand then."""
    places, names = _places(name), read_names(client, name)
    while (move := step(names)) is not None:
        source, target = move
        client.copy(str(places[source]), str(places[target]))
        names = names.after(move)
    return names


def roll_back(client: OllamaClient, name: ModelName) -> tuple[Names, Names]:
    """Gives `name` its last model back, or ends a rollback that was broken off. The names before, after.

    Where no other model is kept the two are equal, and nothing was changed.
    """
    before = read_names(client, name)
    if before.live is None and before.first is not None:  # somebody removed it: nothing leaves
        client.copy(str(name.rollbacks[0]), str(name))
    else:
        carry_out(client, name, next_rollback)
        client.delete(str(name.leaving))
    return before, read_names(client, name)


def _places(name: ModelName) -> dict[str, ModelName]:
    first, second = name.rollbacks
    return {
        "live": name,
        "first": first,
        "second": second,
        "candidate": name.candidate,
        "leaving": name.leaving,
    }
