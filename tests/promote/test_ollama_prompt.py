"""What is written around messages is found by probing; the guard changes no prompt."""

from pathlib import Path

import pytest
from jinja2 import Environment

from sweeper.data.template import LINES_TEMPLATE, Template, template_of
from sweeper.promote.ollama_prompt import GUARD, derive_go_template, guard_chat_template
from tests.promote.tiny import CHAT, tiny_base

TAKES_NO_SYSTEM = (
    "{{ '<s>' }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{{ '<' + m['role'] + '>' + m['content'] + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
COUNTS_TURNS = "{% for m in messages %}{{ loop.index ~ m['content'] }}{% endfor %}"
TRIMS_TO_NOTHING = "{% for m in messages %}{{ m['content'] | length }}{% endfor %}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tiny_base(tmp_path_factory.mktemp("base")).tokenizer)


def derived(template: Template, chat_template: str, without: str | None = None) -> str | None:
    template.tokenizer.chat_template = chat_template
    return derive_go_template(template, without)


def test_a_default_system_text_and_every_role(template: Template) -> None:
    assert derived(template, CHAT) == (
        '{{ if not .System }}{{ "[system]Be brief.<end>" }}{{ end }}{{ range .Messages }}'
        '{{ if eq .Role "system" }}{{ "[system]" }}{{ .Content }}{{ "<end>" }}'
        '{{ else if eq .Role "user" }}{{ "[user]" }}{{ .Content }}{{ "<end>" }}'
        '{{ else if eq .Role "assistant" }}{{ "[assistant]" }}{{ .Content }}{{ "<end>" }}'
        '{{ end }}{{ end }}{{ "[assistant]" }}'
    )


def test_lines(template: Template) -> None:
    assert derived(template, LINES_TEMPLATE) == (
        "{{ if not .System }}{{ end }}{{ range .Messages }}"
        '{{ if eq .Role "system" }}{{ .Content }}{{ "\\n\\n" }}'
        '{{ else if eq .Role "user" }}{{ "Instruction:\\n" }}{{ .Content }}{{ "\\n\\n" }}'
        '{{ else if eq .Role "assistant" }}{{ "Output:\\n" }}{{ .Content }}{{ "<end>\\n\\n" }}'
        '{{ end }}{{ end }}{{ "Output:\\n" }}'
    )


def test_a_template_that_takes_no_system_text(template: Template) -> None:
    go = derived(template, TAKES_NO_SYSTEM, without="<s>")
    assert go is not None
    assert "<s>" not in go
    assert 'eq .Role "system"' not in go
    assert "<s>" in (derived(template, TAKES_NO_SYSTEM) or "")


@pytest.mark.parametrize("irregular", [COUNTS_TURNS, TRIMS_TO_NOTHING, "{{ raise_exception('never') }}"])
def test_what_follows_no_rule_has_none(template: Template, irregular: str) -> None:
    assert derived(template, irregular) is None


@pytest.mark.parametrize("chat_template", [CHAT, LINES_TEMPLATE, "{{- messages[0]['content'] -}}\n"])
def test_the_guard_writes_nothing(tmp_path: Path, chat_template: str) -> None:
    path = tmp_path / "chat_template.jinja"
    path.write_text(chat_template)
    guard_chat_template(tmp_path)
    assert path.read_text() == GUARD + chat_template
    jinja = Environment(trim_blocks=True, lstrip_blocks=True)
    values = {"messages": [{"role": "user", "content": "Hi"}], "eos_token": "<end>"}
    rendered = [jinja.from_string(text).render(values) for text in (chat_template, GUARD + chat_template)]
    assert rendered[0] == rendered[1]


def test_the_guard_costs_a_hundred_edits_at_least() -> None:
    known_backticks = 3
    assert GUARD.count("`") - known_backticks >= 100
