"""Rows become token ids with the trained part where it should be."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.data.cut_rows import cut_rows
from sweeper.data.encode import IGNORED, EncodedRow, common_prefix_length


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


def chats() -> st.SearchStrategy[tuple[list[int], list[tuple[int, int]]]]:
    """Token ids with trained spans in order: each turn is (untrained tokens, trained tokens)."""
    turns = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=4)
    return st.tuples(turns, st.integers(0, 2)).map(lambda drawn: with_spans(*drawn))


def with_spans(turns: list[tuple[int, int]], tail: int) -> tuple[list[int], list[tuple[int, int]]]:
    at, spans = 1, []  # one token comes before the first that can be predicted
    for others, trained in turns:
        spans.append((at + others, at + others + trained))
        at += others + trained
    return list(range(at + tail)), spans


@given(chats())
def test_labels_are_the_trained_spans_and_nothing_else(chat: tuple[list[int], list[tuple[int, int]]]) -> None:
    ids, spans = chat
    row = EncodedRow.with_trained(ids, spans)
    trained = [at for span in spans for at in range(*span)]
    assert row.labels == [token if at in trained else IGNORED for at, token in enumerate(row.input_ids)]
    assert (row.label_count, row.prompt_length) == (len(trained), trained[0])
    assert row.input_ids == tuple(ids[: trained[-1] + 1])


@given(chats(), st.integers(1, 20))
def test_a_cut_keeps_the_labels_before_it(chat: tuple[list[int], list[tuple[int, int]]], length: int) -> None:
    row = EncodedRow.with_trained(*chat)
    cut = cut_rows([row], length)
    kept = [label for label in row.labels[:length] if label != IGNORED]
    assert [label for part in cut for label in part.labels if label != IGNORED] == kept
    assert all(part.input_ids == row.input_ids[: len(part.input_ids)] for part in cut)
    assert all(part.labels[-1] != IGNORED and len(part.input_ids) <= length for part in cut)


def test_the_first_token_is_never_a_label() -> None:
    row = EncodedRow.with_trained([7, 8, 9], [(0, 3)])
    assert (row.prompt_length, row.label_count, row.labels) == (1, 2, [IGNORED, 8, 9])
