"""`sweep score` on a tiny model: tables, JSON, a comparison, and one line for each mistake."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeper.cli import app
from sweeper.errors import InputError
from tests.tiny_base import save_tiny_base

SUITE = """
name: words
decode: {max_new_tokens: 4}
cases:
  - {id: red, instruction: Say red., expected: red, tags: colours}
  - {id: any, instruction: Say it., assert: [{type: length, value: {max_words: 50}}]}
  - {id: shown, instruction: Say anything.}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("score")
    save_tiny_base(folder / "base")
    (folder / "suite.yaml").write_text(SUITE)
    return folder


def run(folder: Path, *options: str) -> str:
    arguments = ["--home", str(folder), "score", str(folder / "suite.yaml"), *options]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_two_models_beside_each_other(folder: Path) -> None:
    told = run(folder, "--model", str(folder / "base"), "--against", "base")
    assert "0.500" in told
    assert "2 of 3" in told
    assert "the two cannot be told apart" in " ".join(told.split())
    assert "is not 'red'" in told


def test_json_for_programs(folder: Path) -> None:
    told = json.loads(run(folder, "--model", str(folder / "base"), "--against", "base", "--json"))
    assert told["suite"] == "words"
    assert [model["score"] for model in told["models"]] == [0.5, 0.5]
    assert told["models"][0]["tags"] == {"colours": 0.0}
    assert [answer["score"] for answer in told["models"][0]["answers"]] == [0.0, 1.0, None]
    [comparison] = told["comparisons"]
    assert (comparison["difference"], comparison["interval"], comparison["cases"]) == (0.0, [0.0, 0.0], 2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--model: no model is named. Name one, by --model REF or by --ollama NAME."),
        (("--model", "a/b", "--ollama", "c"), "--model: excludes --ollama"),
        (("--ollama", "c", "--adapter", "."), "--adapter: belongs to a base model, and none is named."),
        (("--model", "a/b", "--adapter", "nowhere"), "--adapter nowhere: holds no adapter_config.json"),
        (("--model", "./nowhere"), "./nowhere: there is no"),
    ],
)  # fmt: skip
def test_one_line_for_each_mistake(folder: Path, options: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError) as caught:
        run(folder, *options)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
