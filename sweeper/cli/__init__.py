"""The command line: names, options and help texts."""

import sys

from sweeper.cli.app import app
from sweeper.errors import SweepError


def main() -> None:
    """The `sweep` program. An error that sweeper knows is one line and its exit code."""
    # Each module adds its commands to the app, in this order in the help text.
    from sweeper.cli import spaces, sweeps, results, promotion  # noqa: F401, I001

    try:
        app()
    except SweepError as error:
        print(f"sweep: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
