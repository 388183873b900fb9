"""Tokenised rows are kept once, read where they lie, and anew where what decides them differs."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.data import token_cache
from sweeper.data.cut_rows import CutRows, cut_rows
from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.data.encode_rows import encode_rows
from sweeper.data.load_rows import RowSet
from sweeper.data.rows import Chat, Message, Row, Text
from sweeper.data.template import Template, template_of
from sweeper.data.token_cache import token_key, tokenised_rows
from sweeper.data.token_file import MappedRows, read_token_file, write_token_file
from sweeper.errors import InputError
from sweeper.space.data_settings import TrainOn
from tests.data.test_render import CHATML, byte_tokenizer

ROLES = ["user", "assistant"]
CHATS = RowSet(
    "rows.jsonl",
    True,
    "chat",
    tuple(range(1, 9)),
    tuple(
        Chat(tuple(Message(ROLES[turn % 2], "ab c"[: 1 + turn] * (n + 1)) for turn in range(2 * (n % 3) + 2)))
        for n in range(8)
    ),
)


@pytest.fixture
def template() -> Template:
    return template_of(byte_tokenizer(), CHATML)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever rows are tokenised."""
    calls: list[int] = []

    def counted(rows: RowSet, *others: Any) -> Any:
        calls.append(len(rows.rows))
        return encode_rows(rows, *others)

    monkeypatch.setattr(token_cache, "encode_rows", counted)
    return calls


def test_rows_are_tokenised_once_and_come_back_as_they_were(
    template: Template, tmp_path: Path, made: list[int]
) -> None:
    expected = encode_rows(CHATS, template).rows
    assert any(row.untrained for row in expected)
    for _ in range(3):
        rows = tokenised_rows(CHATS, template, "completion", tmp_path)
        assert isinstance(rows, MappedRows)
        assert tuple(rows) == expected
    assert made == [8]
    assert rows[-1] == expected[-1]
    assert rows[2:5] == expected[2:5]
    with pytest.raises(IndexError):
        rows[8]
    length = max(row.prompt_length for row in expected)  # that row is dropped
    assert cut_rows(rows, length) == cut_rows(expected, length)
    assert 0 < len(CutRows(rows, length)) < 8
    assert CutRows(rows, length)[1:3] == cut_rows(expected, length)[1:3]
    assert common_prefix_length(rows) == common_prefix_length(expected) > 0


def test_the_numbers_stay_in_the_file(template: Template, tmp_path: Path) -> None:
    rows = tokenised_rows(CHATS, template, "completion", tmp_path)
    assert isinstance(rows, MappedRows)
    assert not rows._ids.flags.owndata
    assert not rows._ids.flags.writeable  # the file's own pages


def other_row(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    chat = Chat((Message("user", "b"), Message("assistant", "other")))
    return replace(rows, rows=(*rows.rows[:-1], chat)), template, "completion"


def fewer_rows(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    return rows.only(range(7)), template, "completion"


def other_template(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    return rows, template_of(byte_tokenizer(), CHATML.replace("<|im_end|>", "</s>")), "completion"


def other_token(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["ab c"])
    return rows, template_of(tokenizer, CHATML), "completion"


def all_trained(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    return rows, template, "all"


def other_day(rows: RowSet, template: Template) -> tuple[RowSet, Template, TrainOn]:
    """A template that writes the day into its prompts, a day later."""
    exact = Template.render

    class Later(Template):
        def render(self, messages: list[dict[str, str]], generation: bool = True) -> str:
            return "tomorrow " + exact(self, messages, generation)

    return rows, Later(template.tokenizer, template.has_own, template.end, template.marks_start), "completion"


@pytest.mark.parametrize(
    "changed", [other_row, fewer_rows, other_template, other_token, all_trained, other_day]
)
def test_a_change_of_what_decides_them_makes_them_anew(
    changed: Any, template: Template, tmp_path: Path, made: list[int]
) -> None:
    tokenised_rows(CHATS, template, "completion", tmp_path)
    rows, other, train_on = changed(CHATS, template)
    found = tokenised_rows(rows, other, train_on, tmp_path)
    assert len(made) == 2
    assert tuple(found) == encode_rows(rows, other, train_on).rows
    assert len(list(tmp_path.iterdir())) == 2


def test_what_calls_before_did_to_the_tokenizer_changes_nothing(template: Template) -> None:
    template.tokenizer.pad_token = "</s>"
    before = token_key(CHATS, template, "completion")
    template.tokenizer(["a", "a b"], padding="max_length", max_length=9, truncation=True)
    assert token_key(CHATS, template, "completion") == before


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, -1])
def test_a_file_that_is_cut_short_is_made_anew(
    left: float, template: Template, tmp_path: Path, made: list[int]
) -> None:
    expected = tuple(tokenised_rows(CHATS, template, "completion", tmp_path))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    assert read_token_file(path) is None
    assert tuple(tokenised_rows(CHATS, template, "completion", tmp_path)) == expected
    assert made == [8, 8]
    assert path.read_bytes() == whole


def test_a_file_of_something_else_is_no_token_file(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("rows")
    assert read_token_file(tmp_path / "rows") is None
    assert read_token_file(tmp_path / "none") is None


def test_without_room_for_a_file_they_are_held_in_memory(
    template: Template, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    rows = tokenised_rows(CHATS, template, "completion", tmp_path / "cache")
    assert tuple(rows) == encode_rows(CHATS, template).rows
    assert "cannot be kept" in caplog.text


def test_a_bad_row_is_told_and_leaves_no_file(template: Template, tmp_path: Path) -> None:
    lone = RowSet("rows.jsonl", True, "text", (1,), (Text(""),))
    with pytest.raises(InputError, match="anything to train on"):
        tokenised_rows(lone, template, "all", tmp_path)
    assert not list(tmp_path.iterdir())


def _write_many(path: Path, rows: Sequence[EncodedRow], times: int) -> None:
    for _ in range(times):
        write_token_file(path, rows)


def test_two_processes_may_write_and_a_third_read_at_once(tmp_path: Path) -> None:
    rows = [EncodedRow(tuple(range(n % 40 + 2)), 1) for n in range(500)]
    path = tmp_path / "rows.arrow"
    write_token_file(path, rows)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, rows, 60)) for _ in range(2)]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers) or not reads:
        found = read_token_file(path)
        assert found is not None
        assert found[499] == rows[499]
        reads += 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [each.name for each in tmp_path.iterdir()] == ["rows.arrow"]


def test_rows_of_another_format_have_another_key(template: Template) -> None:
    row = replace(CHATS, format="instruction", rows=(Row("a", "b", "c"),), numbers=(1,))
    assert token_key(row, template, "completion") != token_key(CHATS, template, "completion")
