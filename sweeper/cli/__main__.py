"""`python -m sweeper.cli` is `sweep`."""

from sweeper.cli import main

main()
