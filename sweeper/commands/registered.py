"""Brings MLflow's registry up to what is live in Ollama, after a promotion and after a rollback."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.errors import SweepError
from sweeper.home import Home, SweepFolder
from sweeper.promote.history import is_live, read_reports
from sweeper.promote.live_models import LiveModel
from sweeper.promote.swap import read_names

if TYPE_CHECKING:
    from sweeper.serving.ollama import OllamaClient


def register_promoted(
    home: Home,
    folder: SweepFolder,
    client: "OllamaClient",
    models: Iterable[LiveModel],
    console: Console,
) -> None:
    """A registry that cannot be written is told and no failure: what is live is live, and the next
    promotion or rollback writes what is missing."""
    from sweeper.tracking.registry import Digests, keep_promotions

    try:
        found = {str(model.name): read_names(client, model.name) for model in models}
        names = {name: Digests(digests.live, digests.first) for name, digests in found.items()}
        reports = [report for report in read_reports(folder.promotions) if is_live(report)]
        registered = keep_promotions(home, folder.path.name, reports, names)
    except SweepError as error:
        console.print(f"Not registered in MLflow: {error}", markup=False, highlight=False)
        return
    told = f"In MLflow: registered model {', '.join(registered)}, alias champion"
    console.print(told, markup=False, highlight=False)
