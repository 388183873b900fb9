"""Which rows are trained on and which are held out: drawn by the seed, and never both."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.load_rows import RowSet, load_rows, train_on
from sweeper.data.rows import Row
from sweeper.errors import InputError
from sweeper.space.data_settings import DataSettings, HeldOutShare, RowFile


def saved(folder: Path, words: list[str], name: str = "rows.jsonl") -> RowFile:
    path = folder / name
    records: list[dict[str, Any]] = [{"instruction": "Say", "input": word, "output": word} for word in words]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return RowFile(path)


def words_of(rows: RowSet | None) -> list[str]:
    assert rows is not None
    return [row.output for row in rows.rows if isinstance(row, Row)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefghijklmnopqrst"), min_size=2, max_size=30).filter(
        lambda words: len(set(words)) > 1
    ),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_held_out_rows_never_train_and_none_is_lost(
    folder: Path, words: list[str], share: float, seed: int
) -> None:
    settings = DataSettings(saved(folder, words), HeldOutShare(share, seed))
    train, held = load_rows(settings)
    assert held is not None
    assert not set(train.rows) & set(held.rows)  # nor does a copy of a held-out row
    assert sorted(train.numbers + held.numbers) == list(range(1, len(words) + 1))
    assert train.numbers == tuple(sorted(train.numbers))
    assert train.rows
    assert held.rows
    assert load_rows(settings) == (train, held)


def test_a_share_is_that_share_and_another_seed_draws_another(tmp_path: Path) -> None:
    settings = DataSettings(saved(tmp_path, [str(n) for n in range(200)]), HeldOutShare(0.1, 0))
    train, held = load_rows(settings)
    _, other = load_rows(replace(settings, validation=HeldOutShare(0.1, 1)))
    assert (len(words_of(train)), len(words_of(held))) == (180, 20)
    assert words_of(held) != words_of(other)
    assert max(int(word) for word in words_of(held)) > 100  # not the first ones


def test_validation_from_a_file_leaves_the_training_rows_alone(tmp_path: Path) -> None:
    train, held = load_rows(DataSettings(saved(tmp_path, ["a", "b"]), saved(tmp_path, ["c"], "held.jsonl")))
    assert (words_of(train), words_of(held)) == (["a", "b"], ["c"])


def test_validation_rows_have_the_format_of_the_training_rows(tmp_path: Path) -> None:
    (tmp_path / "held.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(InputError, match=r"held\.jsonl:1: 'instruction' is missing"):
        load_rows(DataSettings(saved(tmp_path, ["a"]), RowFile(tmp_path / "held.jsonl")))


def test_the_limit_comes_before_the_share_and_nothing_behind_it_is_read(tmp_path: Path) -> None:
    source = saved(tmp_path, [str(n) for n in range(50)])
    with source.path.open("a") as file:
        file.write("no JSON\n")
    train, held = load_rows(DataSettings(source, HeldOutShare(0.2, 0), limit=10))
    assert sorted([*words_of(train), *words_of(held)], key=int) == [str(n) for n in range(10)]
    assert len(words_of(held)) == 2


def test_one_row_cannot_be_parted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a share cannot be held out of 1 different row"):
        load_rows(DataSettings(saved(tmp_path, ["a", "a"]), HeldOutShare(0.5, 0)))


def test_text_is_trained_as_a_whole_and_the_others_by_their_answers(tmp_path: Path) -> None:
    settings = DataSettings(saved(tmp_path, ["a"]))
    assert train_on(settings, "text") == "all"
    assert train_on(settings, "chat") == "completion"
    assert train_on(replace(settings, train_on="all"), "chat") == "all"


def test_the_completion_of_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    settings = DataSettings(RowFile(tmp_path / "rows.jsonl"), train_on="completion")
    with pytest.raises(InputError, match=r"data\.train_on is 'completion', but these are rows of text"):
        load_rows(settings)


def test_a_place_names_the_line(tmp_path: Path) -> None:
    source = saved(tmp_path, ["a", "b"])
    train, _ = load_rows(DataSettings(source))
    assert train.place(1) == f"{source.path}:2"
    assert train.only([1]).place(0) == f"{source.path}:2"
