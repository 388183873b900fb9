"""What the model reads: its own template, or lines of instruction, input and output."""

from pathlib import Path

import pytest

from sweeper.data.encode import encode_row
from sweeper.data.rows import Row
from sweeper.data.template import template_of
from tests.tiny_base import save_tiny_base

# A turn ends by another token than the text does, as Gemma's.
TURNS = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ '<turn>' if m['role'] == 'assistant' }}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_base(tmp_path_factory.mktemp("base"))


def test_a_model_without_a_template_gets_lines(base: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    template = template_of(tokenizer)
    assert template.prompt("Add.", "1 2") == "Instruction:\nAdd.\n\nInput:\n1 2\n\nOutput:\n"
    assert template.prompt("Greet.", "") == "Instruction:\nGreet.\n\nOutput:\n"
    assert template.end == "<end>"
    assert template_of(tokenizer).prompt("Add.", "1 2") == template.prompt("Add.", "1 2")


def test_the_end_that_is_trained_is_the_templates_own(base: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base, chat_template=TURNS)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    template = template_of(tokenizer)
    assert template.end == "<turn>"
    row = encode_row(Row("Add.", "1 2", "3"), template)
    assert tokenizer.decode(row.input_ids[: row.prompt_length]) == "<user>Add.\n\n1 2<assistant>"
    assert tokenizer.decode(row.input_ids[row.prompt_length :]) == "3<turn>"
