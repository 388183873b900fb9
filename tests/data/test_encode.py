"""Rows become token ids with the trained part where it should be."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.data.encode import EncodedRow, common_prefix_length, cut_rows


def test_a_cut_row_keeps_its_first_labels_or_is_dropped() -> None:
    row = EncodedRow((1, 2, 3, 4, 5), prompt_length=3)
    assert cut_rows([row], 5) == (row,)
    assert cut_rows([row], 4) == (EncodedRow((1, 2, 3, 4), 3),)
    assert cut_rows([row], 3) == ()


def test_the_prefix_ends_before_the_position_that_predicts_a_label() -> None:
    same = EncodedRow((1, 2, 3, 4), prompt_length=3)
    assert common_prefix_length([same, same]) == 2
    assert common_prefix_length([same, EncodedRow((1, 9, 3, 4), 3)]) == 1
    assert common_prefix_length([same, EncodedRow((9, 2, 3, 4), 3)]) == 0


TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=6)


@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=5))
def test_the_prefix_is_common_and_as_long_as_may_be(parts: list[tuple[list[int], list[int]]]) -> None:
    rows = [EncodedRow((*prompt, *answer), len(prompt)) for prompt, answer in parts]
    length = common_prefix_length(rows)
    assert len({row.input_ids[:length] for row in rows}) == 1
    longer_is_common = len({row.input_ids[: length + 1] for row in rows}) == 1
    assert length == min(row.prompt_length for row in rows) - 1 or not longer_is_common
