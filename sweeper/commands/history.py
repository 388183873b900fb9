"""`sweep history`: what was promoted from a sweep, and which of it is live."""

import json

from rich.console import Console

from sweeper.commands.live_names import connect
from sweeper.commands.program import program
from sweeper.commands.sweeps import find_sweep, space_of
from sweeper.errors import InputError, SweepError
from sweeper.home import Home, SweepFolder
from sweeper.promote.history import read_reports
from sweeper.report.history import history_table


def history(home: Home, name: str, is_json: bool) -> None:
    """Reads the reports; which model is live is told where Ollama answers. Raises InputError for an
    unknown sweep, and for one that was never promoted."""
    folder = find_sweep(home, name)
    reports = list(read_reports(folder.promotions))
    if not reports:
        raise InputError(
            f"sweep {name!r}", "nothing of it was promoted yet", f"Run `{program()} promote {name}`"
        )
    if is_json:
        print(json.dumps(reports, indent=2, ensure_ascii=False))
        return
    Console().print(history_table(reports, _now(folder)))


def _now(folder: SweepFolder) -> dict[str, str]:
    """The digests that names have in Ollama; empty where it cannot be asked, which is no reason to fail."""
    try:
        client = connect(space_of(folder).promote)
        return {model.name.casefold(): model.digest for model in client.models()}
    except SweepError:
        return {}
