"""What the model reads: the suite's system text, a case's own, and a template that takes none."""

from pathlib import Path

import pytest

from sweeper.data.template import Template, template_of
from sweeper.errors import InputError
from sweeper.scoring.ask import case_messages, render_prompts
from sweeper.scoring.suite import Case, Message, Suite
from tests.scoring.tiny_tokenizer import tiny_tokenizer

PLAIN = Case("a", "Add.", "1 2", "3")
CHAT = Case(
    "b", "", "", "", messages=(Message("user", "Hi"), Message("assistant", "Ho"), Message("user", "Hm"))
)
OWN = Case("c", "", "", "", messages=(Message("system", "Own."), Message("user", "Hi")))


def template(jinja: str | None = None) -> Template:
    tokenizer = tiny_tokenizer(end=1, special=2)
    if jinja is not None:
        tokenizer.chat_template = jinja
    return template_of(tokenizer)


def suite(*cases: Case, system: str | None = None) -> Suite:
    return Suite("s", Path("s.yaml"), cases, 8, system=system)


def test_the_system_text_goes_before_what_has_none() -> None:
    with_system = suite(PLAIN, CHAT, OWN, system="Brief.")
    plain, chat, own = (case_messages(template(), with_system, case) for case in with_system.cases)
    assert plain[0] == chat[0] == {"role": "system", "content": "Brief."}
    assert [len(messages) for messages in (plain, chat, own)] == [2, 4, 2]
    assert own[0]["content"] == "Own."
    assert plain[1:] == template().messages("Add.", "1 2")


def test_without_a_system_text_a_row_reads_as_in_training() -> None:
    assert render_prompts(template(), suite(PLAIN)) == [template().prompt("Add.", "1 2")]


def test_messages_that_the_template_refuses_are_told() -> None:
    deaf = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system') }}{% endif %}"
        "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )
    with pytest.raises(InputError) as caught:
        render_prompts(template(deaf), suite(PLAIN, system="Brief."))
    assert str(caught.value) == (
        "s.yaml: case 'a': the model's chat template does not take its messages (system, user): "
        "No system. Leave the system text out."
    )
