"""What the model reads: its own template, or lines of instruction, input and output."""

from pathlib import Path

import pytest

from sweeper.data.encode import encode_row
from sweeper.data.rows import Row
from sweeper.data.template import custom_template, read_chat_template, template_of
from sweeper.errors import InputError
from sweeper.space.data_settings import DataSettings, RowFile
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


def test_a_template_of_the_users_takes_the_place_of_the_models(base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    path = tmp_path / "turns.jinja"
    path.write_text(TURNS)
    chosen = custom_template(DataSettings(RowFile(tmp_path / "rows.jsonl"), template=path))
    template = template_of(AutoTokenizer.from_pretrained(base), chosen)
    assert template.prompt("Add.", "1 2") == "<user>Add.\n\n1 2<assistant>"
    assert template.has_own
    assert custom_template(DataSettings(RowFile(tmp_path / "rows.jsonl"))) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", ": the chat template is empty. Write a Jinja template into it."),
        (
            "{% for m in messages %}\n{{ m.content }}",
            ":2: this is no Jinja template (Unexpected end of template. Jinja was looking for the following"
            " tags: 'endfor' or 'else'. The innermost block that needs to be closed is 'for'). Correct it.",
        ),
        ("{{ messages[ }}", ":1: this is no Jinja template (unexpected '}', expected ']'). Correct it."),
    ],
)
def test_a_file_that_is_no_template_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.jinja"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_chat_template(path)
    assert str(caught.value) == f"{path}{message}"


def test_what_transformers_adds_to_jinja_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "t.jinja"
    path.write_text("{% for m in messages %}{% generation %}{{ m.content }}{%- endgeneration -%}"
                    "{% if loop.last %}{% break %}{% endif %}{% endfor %}")  # fmt: skip
    assert read_chat_template(path) == path.read_text()


def test_a_template_that_leaves_out_what_is_said_is_refused(base: Path) -> None:
    from transformers import AutoTokenizer

    with pytest.raises(InputError, match="the chat template leaves out what the user says"):
        template_of(AutoTokenizer.from_pretrained(base), "{% for m in messages %}x{% endfor %}")


def test_an_end_that_is_special_without_a_name_counts(base: Path) -> None:
    """Phi-3's <|end|>: marked special in the tokenizer's file, and neither eos_token nor another by name."""
    from tokenizers import AddedToken
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([AddedToken("<turn>", special=True)])
    assert "<turn>" not in tokenizer.all_special_tokens
    assert template_of(tokenizer, TURNS).end == "<turn>"
