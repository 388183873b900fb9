"""All types of assertions, by the name that a suite calls them."""

from collections.abc import Mapping

from sweeper.scoring.assertions import (
    alike,
    choice,
    expected_loss,
    json_answer,
    json_schema,
    judge,
    number,
    pattern,
    plain_text,
    python_file,
    shape,
)
from sweeper.scoring.assertions.kind import Kind

SCORER_VERSION = 1
"""Raise it when an assertion comes to score an answer otherwise: a sweep that was begun with other
scorers is then refused, for its trials could not be compared."""

ASSERTIONS: Mapping[str, Kind] = {
    **plain_text.KINDS,
    **pattern.KINDS,
    **json_answer.KINDS,
    **json_schema.KINDS,
    **number.KINDS,
    **choice.KINDS,
    **alike.KINDS,
    **shape.KINDS,
    **expected_loss.KINDS,
    **python_file.KINDS,
    **judge.KINDS,
}
