"""Every fault in a space file is told in one line: its place, the value, the rule, the fix."""

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeper.errors import InputError
from sweeper.space.load import load_space
from sweeper.space.yaml_file import read_yaml
from tests.space.valid_space import KINDS, VALID, fill, write

TABLES = {"bad_spaces.txt": VALID, "bad_parameters.txt": KINDS}
"""Tables of faults, and the file that each one changes."""


@dataclass(frozen=True)
class Fault:
    valid: str
    old: str
    new: str
    message: str


def faults() -> list[Fault]:
    """The blocks of both tables."""
    return [
        Fault(valid, *("\n".join(marked(block, mark)) for mark in "-+>"))
        for table, valid in TABLES.items()
        for block in Path(__file__).with_name(table).read_text(encoding="utf-8").split("\n\n")[1:]
    ]


def marked(block: str, mark: str) -> list[str]:
    return [line.removeprefix(f"{mark} ") for line in block.splitlines() if line.startswith(mark)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad")


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_space(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refusal(path: Path) -> str | None:
    """None where the file loads. Anything but an InputError goes through."""
    try:
        load_space(path)
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.new or f"no {fault.old}")
def test_a_fault_is_told_exactly(fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fault.old in fault.valid
    gone = fault.old if fault.new else fault.old + "\n"
    write(tmp_path, fault.valid.replace(gone, fault.new, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    message = message_of(Path("space.yaml")).replace(str(tmp_path), "FOLDER")
    assert message == f"space.yaml:{fault.message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty. Write `key: value` lines into it."),
        (b"# only words\n", "the file is empty. Write `key: value` lines into it."),
        (b"name: caf\xe9\n", ":1: byte 0xe9 is not UTF-8. Save the file as UTF-8."),
        (b"name: a\ndata: \x07\n", ":2: a control character stands here. Remove it."),
        (b"just words\n", ":1:1: the file must hold keys with values. Write `key: value`."),
        (b"- name\n", ":1:1: the file must hold keys with values. Write `key: value`."),
        (b"name: " + b"[" * 5000, "the file is nested too deeply. Close the brackets."),
        (
            b"name: " + b"[" * 50 + b"]" * 50,
            ":1:38: this is nested too deeply. Close the brackets before it.",
        ),
        (b"name: &n [*n]\n", ":1:7: an alias (*) stands inside what it points to. Write the value out."),
    ],
)
def test_a_file_that_is_no_space_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_bytes(content)
    assert message_of(path).removeprefix(str(path)).removeprefix(": ") == message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, VALID)
    missing, folder_path = tmp_path / "spase.yaml", tmp_path / "nowhere" / "space.yaml"
    assert message_of(missing) == f"{missing}: there is no such file. Did you mean 'space.yaml'?"
    assert f"There is no folder {folder_path.parent} either" in message_of(folder_path)
    assert message_of(tmp_path) == f"{tmp_path}: this is a folder, must be a file. Name a file in it."


def test_the_first_fault_in_the_file_is_told_and_the_others_counted(tmp_path: Path) -> None:
    text = VALID.replace("sampler: random", "sampler: tep").replace("system:", "sistem:")
    path = write(tmp_path, text.replace("lora_alpha: 32", "lora_alpha: -1"))
    message = message_of(path)
    assert message.startswith(f"{path}:9:15: parameters.lora_alpha is -1")
    assert message.endswith("(2 more problems in this file).")


def test_a_long_sweep_name_needs_a_name_for_ollama(tmp_path: Path) -> None:
    long_name = VALID.replace("my-sweep", "a" * 90)
    assert load_space(write(tmp_path, long_name)).name == "a" * 90
    message = message_of(write(tmp_path, long_name.replace("  name: me/my-model:v1\n", "")))
    assert "space.yaml:1:7: name is the model's name in Ollama too" in message


KEYS = {
    "name": 0, "model": 1, "base": 2, "data": 3, "train": 4, "parameters": 5, "learning_rate": 6, "min": 6,
    "max": 6, "log": 6, "lora_rank": 7, "values": 7, "lora_alpha": 8, "target_modules": 9,
    "effective_batch_size": 10, "max_seq_length": 11, "num_train_epochs": 12, "warmup_steps": 13,
    "weight_decay": 14, "max_grad_norm": 15, "lr_scheduler_type": 16, "search": 17, "trials": 18,
    "seed": 19, "sampler": 20, "evaluation": 21, "dev": 22, "test": 23, "promote": 24, "num_ctx": 27,
    "stop": 28, "system": 29, "limits": 30, "gpu_memory": 30, "headroom": 30,
}  # fmt: skip
"""Each key of VALID, and a line (from 0) in which it stands."""

LETTERS = string.ascii_lowercase + "_"


def mutations(word: str) -> st.SearchStrategy[str]:
    """All words that are one letter away: put in, left out, replaced, or swapped with the next."""
    cuts = [(word[:index], word[index:]) for index in range(len(word) + 1)]
    words = {head + letter + tail for head, tail in cuts for letter in LETTERS}
    words |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in LETTERS}
    words |= {head + tail[1:] for head, tail in cuts if tail}
    words |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    return st.sampled_from(sorted(words - {word}))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KEYS)).flatmap(lambda key: st.tuples(st.just(key), mutations(key))))
def test_a_key_with_one_letter_wrong_is_refused_with_the_right_key(
    folder: Path, drawn: tuple[str, str]
) -> None:
    key, wrong = drawn
    lines = VALID.splitlines()
    lines[KEYS[key]] = lines[KEYS[key]].replace(f"{key}:", f"{wrong}:", 1)
    message = message_of(write(folder, "\n".join(lines)))
    line, column = KEYS[key] + 1, lines[KEYS[key]].index(f"{wrong}:") + 1
    assert message.startswith(f"{folder / 'space.yaml'}:{line}:{column}: ")
    assert f"{wrong} is an unknown key. Did you mean '{key}'?" in message


def damaged() -> st.SearchStrategy[str]:
    """VALID with a few pieces of YAML thrown in at any place."""
    pieces = st.sampled_from(
        [
            "\t",
            ":",
            ": ",
            "{",
            "}",
            "[",
            "]",
            "- ",
            "#",
            "'",
            '"',
            "&a ",
            "*a",
            "!t ",
            "---\n",
            "\n",
            "null",
            "\\",
            "%",
            "0",
            "é",
        ]
    )
    cuts = st.lists(
        st.tuples(st.integers(0, len(VALID)), pieces | st.text(max_size=2)), min_size=1, max_size=4
    )
    return cuts.map(with_pieces)


def with_pieces(cuts: list[tuple[int, str]], text: str = VALID) -> str:
    for place, piece in cuts:
        text = text[:place] + piece + text[place:]
    return text


@settings(max_examples=200, deadline=None)
@given(damaged())
@example(VALID.replace("1e-5", "1" * 5000))
def test_no_damage_ends_in_anything_but_one_line_with_a_place(folder: Path, text: str) -> None:
    path = fill(folder)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    message = refusal(path)
    assert message is None or (message.startswith(f"{path}:") and len(message.splitlines()) == 1)


def plain_data() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    words = st.sampled_from(["values", "min", "max", "log", "base", "train", "all-linear", "8", "x"])
    return st.recursive(
        scalars | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner)
    )


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KEYS)), plain_data())
@example("target_modules", "q\x85")  # a line end that the fix repeated
def test_no_value_ends_in_anything_but_one_line_with_a_place(folder: Path, key: str, value: Any) -> None:
    data = read_yaml(write(folder, VALID)).data
    path = write(folder, json.dumps(with_value(data, key, value)))
    message = refusal(path)
    assert message is None or (message.startswith(f"{path}:") and len(message.splitlines()) == 1)


def with_value(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The data with `value` under `key`, wherever that key stands."""
    return {
        name: value if name == key else with_value(inner, key, value) if isinstance(inner, dict) else inner
        for name, inner in data.items()
    }
