"""From an instruction to the text a model reads, by the model's own chat template.

A model without a template gets one of Instruction/Input/Output lines, set on its tokenizer. It is
then saved with the model like any other, so training, scoring and Ollama read the same text.
"""

from dataclasses import dataclass
from typing import Any

LINES_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'Instruction:\\n' + message['content'] + '\\n\\n' }}"
    "{% else %}{{ 'Output:\\n' + message['content'] + eos_token + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Output:\\n' }}{% endif %}"
)
"""Jinja, as transformers and llama.cpp read it."""


@dataclass(frozen=True, slots=True)
class Template:
    """Renders prompts for one tokenizer. Make it with `template_of`."""

    tokenizer: Any
    has_own: bool
    end: str
    """What closes an answer and is trained: the template's own end of turn, else the end token."""

    def messages(self, instruction: str, text: str, system: str | None = None) -> list[dict[str, str]]:
        """One user turn; `text` is the row's input."""
        between = "\n\n" if self.has_own else "\n\nInput:\n"
        content = instruction + between + text if text else instruction
        head = [{"role": "system", "content": system}] if system is not None else []
        return [*head, {"role": "user", "content": content}]

    def render(self, messages: list[dict[str, str]], generation: bool = True) -> str:
        """The template's text for `messages`, ready for an answer to follow if `generation`."""
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
        )

    def prompt(self, instruction: str, text: str) -> str:
        """What the model reads before it answers a row."""
        return self.render(self.messages(instruction, text))

    def token_ids(self, text: str) -> list[int]:
        """Token ids of rendered text: nothing added, for the template has said all."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def template_of(tokenizer: Any) -> Template:
    """The template of `tokenizer`, which gets LINES_TEMPLATE if it has none of its own."""
    has_own = bool(tokenizer.chat_template) and tokenizer.chat_template != LINES_TEMPLATE
    if not has_own:
        tokenizer.chat_template = LINES_TEMPLATE
    return Template(tokenizer, has_own, _end_of_turn(tokenizer))


def _end_of_turn(tokenizer: Any) -> str:
    """The special token that the template writes after an answer (Gemma's differs from its eos_token)."""
    user, answer = {"role": "user", "content": "question"}, "answer"
    rendered = tokenizer.apply_chat_template([user, {"role": "assistant", "content": answer}], tokenize=False)
    tail = rendered.rpartition(answer)[2]
    ids = tokenizer(tail, add_special_tokens=False)["input_ids"] if tail else []
    if ids and ids[0] in tokenizer.all_special_ids:
        return str(tokenizer.convert_ids_to_tokens(ids[0]))
    return str(tokenizer.eos_token)
