"""`sweep doctor`: what promotion will find in Ollama."""

from rich import box
from rich.console import Console
from rich.table import Table

from sweeper.promote.adapter_probe import takes_adapters
from sweeper.serving.instruments import Instrument, instruments
from sweeper.serving.ollama import OllamaClient
from sweeper.serving.store import free_bytes, store_folder
from sweeper.space.memory_size import size


def doctor(host: str | None) -> None:
    """Raises UnavailableError where no Ollama answers. Loads the smallest model that is there, and a
    tiny one of its own."""
    client = OllamaClient.connect(host)
    console = Console()
    kept = client.models()
    console.print(f"Ollama {client.version()} answers at {client.url}, {len(kept)} models", highlight=False)
    folder = store_folder(client.url)
    room = f"{size(free_bytes(folder))} free in {folder}" if folder else "not known from here"
    console.print(f"Room for models: {room}", highlight=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("it shows", "", "what is proven by it"):
        table.add_column(column)
    adapters = Instrument("adapters", "models that share a base (form: adapter)", takes_adapters(client))
    for instrument in [*instruments(client), adapters]:
        answer = {True: "yes", False: "no", None: "no model to ask with"}[instrument.offered]
        table.add_row(instrument.name, answer, instrument.serves)
    console.print(table)
