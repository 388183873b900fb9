"""Each test here has a home of its own, and so databases of its own."""

import pytest


@pytest.fixture(autouse=True)
def _quick_homes(_mlflow_databases_are_copies: None) -> None:
    """See tests/conftest.py."""
