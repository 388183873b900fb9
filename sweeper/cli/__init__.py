"""The command line: names, options and help texts."""

import sys

# Each module adds its commands to the app, and the help text has them in this order.
# isort: off
from sweeper.cli import spaces, sweeps, results, promotion  # noqa: F401

# isort: on
from sweeper.cli.app import app
from sweeper.errors import SweepError

__all__ = ["app", "main"]


def main() -> None:
    """The `sweep` program. An error that sweeper knows is one line and its exit code."""
    try:
        app()
    except SweepError as error:
        print(f"sweep: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
