"""What changes the rows that are trained changes what a study is about; what does not, does not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.search.identity import differences, identity_of
from sweeper.space.data_settings import DataSettings, HeldOutShare, HubSet, RowFile
from tests.search.spaces import make_space


def changed(folder: Path, **changes: Any) -> list[str]:
    space = make_space(folder)
    return differences(identity_of(space), identity_of(replace(space, data=replace(space.data, **changes))))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"limit": 5}, "data.limit was unset and is 5"),
        ({"format": "chat"}, "data.format was unset and is chat"),
        ({"train_on": "all"}, "data.train_on was unset and is all"),
        ({"validation": HeldOutShare(0.1, 0)}, "data.validation was unset and is 0.1"),
    ],
)
def test_what_changes_the_trained_rows_is_told(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    assert told in changed(tmp_path, **change)


def test_another_seed_holds_other_rows_out(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    one, other = (
        identity_of(replace(space, data=replace(space.data, validation=HeldOutShare(0.1, seed))))
        for seed in (0, 1)
    )
    assert differences(one, other) == ["data.validation_seed was 0 and is 1"]


@pytest.mark.parametrize("key", ["validation", "template"])
def test_files_are_held_by_their_content(tmp_path: Path, key: str) -> None:
    space = make_space(tmp_path)
    found = []
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        path = tmp_path / name
        path.write_text(text)
        value = RowFile(path) if key == "validation" else path
        found.append(identity_of(replace(space, data=replace(space.data, **{key: value}))))  # type: ignore[arg-type]
    assert differences(found[0], found[1]) == []
    assert differences(found[0], found[2]) == [f"the content of data.{key} changed"]


def test_a_space_that_says_nothing_new_is_known_as_before_these_keys_were(tmp_path: Path) -> None:
    keys = [key for key in identity_of(make_space(tmp_path)) if key.startswith("data.")]
    assert keys == ["data.train"]


def test_a_data_set_is_held_by_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    space = make_space(tmp_path)

    def identity(name: str, word: str) -> Any:
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.jsonl").write_text(json.dumps({"text": word}) + "\n")
        source = HubSet(str(tmp_path / name), None, "train")
        return identity_of(replace(space, data=DataSettings(source)))

    assert differences(identity("a", "x"), identity("b", "x")) == []
    assert differences(identity("c", "x"), identity("d", "y")) == ["the content of data.train changed"]
