"""Makes the README's picture from a real sweep: what `sweep best NAME` prints, as SVG.

python docs/pictures/make_pictures.py quickstart
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sweeper.commands.sweeps import find_sweep, progress_of
from sweeper.home import find_home
from sweeper.report.table import end_table, trials_table

_COLUMNS = 92


def main(name: str) -> None:
    """Writes NAME.svg beside this file. The sweep must have a complete trial."""
    progress = progress_of(find_sweep(find_home(None), name))
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ sweep best {name}"))
    console.print(end_table(progress))
    console.print(trials_table(progress))
    target = Path(__file__).parent / f"{name}.svg"
    svg = console.export_svg(title=f"sweep best {name}")
    target.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))  # fonts from the net
    print(target)


if __name__ == "__main__":
    main(sys.argv[1])
