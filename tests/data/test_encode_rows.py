"""All rows of a source become token ids, each with the row that it came from."""

from pathlib import Path

import pytest

from sweeper.data import encode_rows as encode_rows_module
from sweeper.data.cut_rows import count_cuts, cut_rows
from sweeper.data.encode import EncodedRow, encode_row
from sweeper.data.encode_rows import encode_rows
from sweeper.data.load_rows import RowSet
from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow
from sweeper.data.template import Template, template_of
from sweeper.errors import InputError
from sweeper.space.data_settings import FormatName
from tests.data.test_render import CHATML, THINKING, TURNS, byte_tokenizer


@pytest.fixture(scope="module")
def template() -> Template:
    return template_of(byte_tokenizer(), CHATML)


def row_set(format: FormatName, *rows: TrainingRow) -> RowSet:
    return RowSet("rows.jsonl", True, format, tuple(range(1, len(rows) + 1)), rows)


def chat(*contents: str) -> Chat:
    roles = ["user", "assistant"] * len(contents)
    return Chat(tuple(Message(role, text) for role, text in zip(roles, contents, strict=False)))


def test_batches_make_no_difference(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row_set("chat", *(chat("a" * n, "b", "c", "d" * n) for n in range(1, 8)))
    whole = encode_rows(rows, template)
    monkeypatch.setattr(encode_rows_module, "_BATCH", 3)
    assert encode_rows(rows, template) == whole
    assert whole.rows == tuple(encode_row(row, template) for row in rows.rows)
    assert (whole.origins, whole.split_count) == (tuple(range(7)), 0)


def test_an_instruction_is_a_chat_of_one_answer(template: Template) -> None:
    assert encode_row(Row("a", "b", "c"), template) == encode_row(chat("a\n\nb", "c"), template)


def test_each_answer_of_a_chat_that_is_split_knows_its_chat() -> None:
    rows = row_set("chat", chat("a", "x"), chat("a", "<think>y</think>b", "c", "d"), chat("a", "z"))
    encoded = encode_rows(rows, template_of(byte_tokenizer(), THINKING))
    assert (encoded.origins, encoded.split_count) == ((0, 1, 1, 2), 1)


def test_text_is_closed_by_the_end_token_and_a_lone_token_is_left_out() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    open_ended = encode_rows(row_set("text", Text("a"), Text("a:")), template_of(tokenizer, CHATML), "all")
    assert open_ended.origins == (1,)
    closed = encode_rows(row_set("text", Text("a:")), template_of(byte_tokenizer(), CHATML), "all")
    assert closed.rows == (
        EncodedRow((*open_ended.rows[0].input_ids, tokenizer.convert_tokens_to_ids("</s>")), 1),
    )


def test_nothing_to_train_on_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(InputError, match=r"rows\.jsonl: no row has anything to train on"):
        encode_rows(row_set("text", Text("a")), template_of(tokenizer, CHATML), "all")


def test_a_row_that_the_template_refuses_is_told_with_its_place() -> None:
    odd = Chat((Message("user", "a"), Message("user", "b"), Message("assistant", "c")))
    with pytest.raises(InputError) as caught:
        encode_rows(row_set("chat", chat("a", "b"), odd), template_of(byte_tokenizer(), TURNS))
    assert str(caught.value) == (
        "rows.jsonl:2: the chat template refuses this row (Conversation roles must alternate"
        " user/assistant/). Change its turns, or name another template under data.template."
    )


def test_rows_that_lose_their_labels_are_counted() -> None:
    rows = [EncodedRow(tuple(range(length)), 5) for length in (6, 8, 10)]
    rows.append(EncodedRow(tuple(range(12)), 8))
    cuts = count_cuts(rows, 8)
    assert (cuts.shortened, cuts.dropped) == (1, 1)
    kept = cut_rows(rows, cuts.max_seq_length)
    assert len(kept) == len(rows) - cuts.dropped
    assert sum(len(row.input_ids) == 8 for row in kept) - 1 == cuts.shortened


def test_paths_are_no_part_of_it(tmp_path: Path, template: Template) -> None:
    one = RowSet(str(tmp_path / "a"), True, "instruction", (4,), (Row("a", "", "b"),))
    assert encode_rows(one, template).rows == encode_rows(row_set("instruction", *one.rows), template).rows
