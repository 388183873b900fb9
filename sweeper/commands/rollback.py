"""`sweep rollback`: gives a promoted name in Ollama its last model back."""

from rich.console import Console

from sweeper.commands.live_names import connect, names_of
from sweeper.commands.registered import register_promoted
from sweeper.commands.sweeps import find_sweep, space_of
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.lock import held_lock
from sweeper.promote.journal import settle
from sweeper.promote.live_models import LiveModel
from sweeper.promote.swap import is_rolling_back, read_names, roll_back


def rollback(home: Home, name: str, ollama_name: str | None) -> None:
    """Changes all live names of the sweep that have an earlier model; --name picks one.

    A rollback that was broken off is ended instead, and no further one begun. Raises InputError where
    nothing is kept.
    """
    folder = find_sweep(home, name)
    settings = space_of(folder).promote
    models = names_of(settings, ollama_name)
    models = models[:1] if ollama_name else models
    client = connect(settings)
    console = Console()
    with held_lock(folder.promotions / "lock", f"a promotion of sweep {name!r}"):
        if told := settle(client, folder.promotions):
            console.print(told, markup=False, highlight=False)
        broken_off = [model for model in models if is_rolling_back(read_names(client, model.name))]
        changed = 0
        for model in broken_off or models:
            before, after = roll_back(client, model.name)
            if before.live != after.live or model in broken_off:
                changed += 1
                console.print(f"{model.name} is {_short(after.live)} again", highlight=False)
        if changed:
            register_promoted(home, folder, client, models, console)
    if not changed:
        raise _nothing_kept(models, name)


def _nothing_kept(models: tuple[LiveModel, ...], sweep: str) -> InputError:
    names = ", ".join(str(model.name) for model in models)
    return InputError(
        f"sweep {sweep!r}", f"no earlier model of {names} is kept", "A second promotion keeps the first"
    )


def _short(digest: str | None) -> str:
    return f"the model with digest {digest[:12]}" if digest else "gone"
