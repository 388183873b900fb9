"""No text or data around expressions, conditions, constraints and baseline ends in a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeper.space.yaml_file import read_yaml
from tests.space.test_bad_spaces import message_of, mutations, refusal, with_pieces, with_value
from tests.space.valid_space import KINDS, fill, write

FIRST_LINE = {"step": 6, "expr": 7, "when": 9, "otherwise": 10, "constraints": 16, "baseline": 19}
"""Each key that is new in KINDS, and a line (from 0) in which it stands."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad")


def is_one_line_with_a_place(message: str | None, path: Path) -> bool:
    return message is None or (message.startswith(f"{path}:") and len(message.splitlines()) == 1)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FIRST_LINE)).flatmap(lambda key: st.tuples(st.just(key), mutations(key))))
def test_a_key_with_one_letter_wrong_is_refused_with_the_right_key(
    folder: Path, drawn: tuple[str, str]
) -> None:
    key, wrong = drawn
    lines = KINDS.splitlines()
    lines[FIRST_LINE[key]] = lines[FIRST_LINE[key]].replace(f"{key}:", f"{wrong}:", 1)
    message = message_of(write(folder, "\n".join(lines)))
    line, column = FIRST_LINE[key] + 1, lines[FIRST_LINE[key]].index(f"{wrong}:") + 1
    assert message.startswith(f"{folder / 'space.yaml'}:{line}:{column}: ")
    assert f"{wrong} is an unknown key. Did you mean '{key}'?" in message


PIECES = st.sampled_from(
    [
        *(
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            ": ",
            "'",
            '"',
            "- ",
            "\n",
            "\t",
            "#",
            "&a ",
            "*a",
            "null",
            "0",
        ),
        *(
            " * 0",
            " ** 9",
            " / 0",
            " == ",
            " and ",
            " not ",
            " in ",
            "lora_rank",
            "max_steps",
            "true",
            "1e999",
        ),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(KINDS)), PIECES | st.text(max_size=2)), min_size=1, max_size=3))
def test_no_damage_ends_in_anything_but_one_line(folder: Path, cuts: list[tuple[int, str]]) -> None:
    path = fill(folder)
    path.write_bytes(with_pieces(cuts, KINDS).encode("utf-8", "surrogatepass"))
    assert is_one_line_with_a_place(refusal(path), path)


def data() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    names = st.sampled_from(["values", "min", "max", "step", "log", "expr", "when", "otherwise", "lora_rank"])
    texts = st.sampled_from(["lora_rank > 8", "2 * lora_alpha", "lora_dropout", "1 / 0 > 0", "all-linear"])
    return st.recursive(
        scalars | texts | st.sampled_from([8, 16, 0.5, 1e-4]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=8,
    )


KEYS = [
    *(
        "lora_rank",
        "lora_alpha",
        "lora_dropout",
        "use_rslora",
        "target_modules",
        "max_seq_length",
        "save_steps",
    ),
    *(
        "per_device_train_batch_size",
        "step",
        "expr",
        "when",
        "otherwise",
        "constraints",
        "baseline",
        "sampler",
    ),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KEYS), data())
@example("lora_rank", {"min": 1, "max": 10**400})
@example("lora_alpha", 10**400)
@example("lora_alpha", {"min": 0, "max": 1e18, "step": 5e-324})
@example("lora_rank", {"min": 1, "max": 10**18, "step": 1})
@example("lora_rank", {"min": 1, "max": 10**18, "log": True})
@example("constraints", ["0 < 1"] * 50)
@example("baseline", [{"lora_rank": 10**400}])
def test_no_value_ends_in_anything_but_one_line(folder: Path, key: str, value: Any) -> None:
    plain = read_yaml(write(folder, KINDS)).data
    path = write(folder, json.dumps(with_value(plain, key, value)))
    assert is_one_line_with_a_place(refusal(path), path)
