"""A chat by stdin: with the model in Ollama, and with a trial beside its base."""

import io
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from sweeper.commands import chat as chat_command
from sweeper.commands.chat import chat, talk
from sweeper.data.template import template_of
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.serving.ollama import ChatAnswer
from tests.commands.home_with_sweep import home_with_sweep
from tests.promote.fake_ollama import FakeOllama
from tests.promote.tiny import save_adapter
from tests.space.valid_space import VALID, write
from tests.tiny_base import save_tiny_space

LIVE = "me/my-model:v1"


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_each_speaker_hears_the_lines_and_its_own_answers_until_a_new_chat() -> None:
    def echo(name: str) -> Any:
        return lambda turns: name + " heard " + "|".join(turn["content"] for turn in turns)

    output = io.StringIO()
    talk(["one", "two", "/new", "three"], {"a": echo("A"), "b": echo("B")}, Console(file=output, width=200))
    assert output.getvalue().splitlines() == [
        "a: A heard one",
        "b: B heard one",
        "a: A heard one|A heard one|two",
        "b: B heard one|B heard one|two",
        "a: A heard three",
        "b: B heard three",
    ]


class Echo(FakeOllama):
    def chat(self, model: str, messages: Any, options: Any, *_: Any, **__: Any) -> ChatAnswer:
        return ChatAnswer(f" {model} hears {len(messages)}: {messages[-1]['content']}\u2028", 1, 1, "stop")


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> FakeOllama:
    fake = Echo(cast(Any, None), cast(Any, None))
    monkeypatch.setattr(chat_command, "connect", lambda settings: fake)
    return fake


def test_the_live_model_answers_in_ollama(
    tmp_path: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "mlruns")
    folder = home.sweep("my-sweep")
    folder.path.mkdir(parents=True)
    folder.events.touch()
    folder.space_path.write_text(str(write(tmp_path, VALID)))
    typed(monkeypatch, "Hi\n\n  again")
    with pytest.raises(InputError, match=r"has no such model. Run `sweep promote my-sweep` first, or"):
        chat(home, "my-sweep", None, None)
    ollama.kept[LIVE] = {"file": "x"}
    chat(home, "my-sweep", None, None)
    _, *answers = capsys.readouterr().out.splitlines()
    assert [answer.split(": ")[-1] for answer in answers] == ["Hi", "again"]
    assert f"{LIVE} hears 3" in answers[1]
    assert "\u2028" not in "".join(answers)


def test_a_trial_answers_beside_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Held against transformers' own generation, with PEFT's merged model."""
    from peft import PeftModel

    from sweeper.models.load import load_base
    from sweeper.models.reference import resolve_base

    home = home_with_sweep(tmp_path, "tiny")
    home.sweep("tiny").space_path.write_text(str(save_tiny_space(tmp_path)))
    base = load_base(resolve_base("./base", tmp_path))
    adapter = save_adapter(base, home.sweep("tiny").trial(2) / "adapter")
    monkeypatch.setattr(chat_command, "MAX_NEW_TOKENS", 6)
    typed(monkeypatch, "Say red\n")
    chat(home, "tiny", 2, None)
    told = capsys.readouterr().out.splitlines()[-2:]

    template = template_of(base.tokenizer)
    prompt = template.tokenizer(
        template.render([{"role": "user", "content": "Say red"}]),
        return_tensors="pt",
        add_special_tokens=False,
    )

    def generated(model: Any) -> str:
        ids = model.generate(**prompt, max_new_tokens=6, do_sample=False)[0]
        text = base.tokenizer.decode(ids[prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        return str(text).strip()

    of_base = generated(base.model)
    of_trial = generated(PeftModel.from_pretrained(base.model, adapter).merge_and_unload())
    assert of_base != of_trial
    assert told[0].startswith("base: ")
    assert told[1].startswith("trial 2: ")
    assert (told[0][6:14], told[1][9:17]) == (of_base[:8], of_trial[:8])
