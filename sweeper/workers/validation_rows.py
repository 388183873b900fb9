"""The rows that every trial of a sweep is measured on between its steps."""

from sweeper.data.encode import EncodedRow
from sweeper.data.load_rows import RowSet, train_on
from sweeper.data.template import Template
from sweeper.data.token_cache import tokenised_rows
from sweeper.errors import InputError
from sweeper.training.eval_loss import evaluated_rows
from sweeper.workers.worker import WorkerSetup


def validation_rows(held_out: RowSet, template: Template, setup: WorkerSetup) -> tuple[EncodedRow, ...]:
    """`held_out` encoded as the training rows are. Raises InputError where no row has anything to measure."""
    encoded = tokenised_rows(held_out, template, train_on(setup.data, held_out.format), setup.token_cache)
    length = setup.eval_seq_length or max(len(row.input_ids) for row in encoded)
    rows = evaluated_rows(encoded, length, setup.seed)
    if not rows:
        problem = f"no validation row has a label within {length} tokens, the longest max_seq_length"
        raise InputError(held_out.source, problem, "Raise max_seq_length, or validate on shorter rows")
    return rows
