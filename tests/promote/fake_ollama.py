"""An Ollama in memory, at the seam of the client: it renders by the chat template and answers by the model.

With `shows_nothing` it is one of before 0.11.5: no rendered prompts, no log probabilities, and no chat
template but a Go one. Faults are planted by its fields. It can also die at a call, before or after doing
what was asked; from then on every call fails, as for a process that was killed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.data.template import Template
from sweeper.promote.greedy import GreedyModel
from sweeper.serving.ollama import ChatAnswer, KeptModel, Message, OllamaClient, ShareDone, TokenLogprobs


class Killed(BaseException):
    """The process is gone; nothing catches this."""


def digest_of(made: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()


class FakeOllama(OllamaClient):
    def __init__(self, template: Template, model: GreedyModel) -> None:
        self.url = "http://fake"
        self.template, self.model = template, model
        self.kept: dict[str, dict[str, Any]] = {}
        self.calls = 0
        self.shows_nothing = False
        self.die_at: int | None = None
        self.die_after_doing = False
        self.render_fault: Callable[[str], str] = lambda text: text
        self.answer_fault: Callable[[ChatAnswer], ChatAnswer] = lambda answer: answer
        self.quantized_fault: Callable[[ChatAnswer], ChatAnswer] = lambda answer: answer

    def _do(self, action: Callable[[], Any]) -> Any:
        self.calls += 1
        dead = self.die_at is not None and self.calls >= self.die_at
        if dead and not (self.die_after_doing and self.calls == self.die_at):
            raise Killed
        result = action()
        if dead:
            raise Killed
        return result

    def version(self) -> str:
        return "fake"

    def models(self) -> list[KeptModel]:
        def act() -> list[KeptModel]:
            return [KeptModel(name, digest_of(made), 4) for name, made in self.kept.items()]

        return self._do(act)  # type: ignore[no-any-return]

    def upload(self, path: Path, on_share: ShareDone = lambda share: None) -> str:
        return self._do(lambda: "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())  # type: ignore[no-any-return]

    def create(
        self,
        model: str,
        *,
        file_digest: str | None = None,
        from_model: str | None = None,
        adapter_digest: str | None = None,
        template: str | None = None,
        system: str | None = None,
        license: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        quantize: str | None = None,
    ) -> None:
        old = self.kept.get(from_model or "", {})
        new = {
            "file": file_digest,
            "adapter": adapter_digest,
            "system": system,
            "template": template,
            "license": license,
            "parameters": parameters,
            "quantize": quantize,
        }
        made = {**old, **{key: value for key, value in new.items() if value is not None}}
        self._do(lambda: self.kept.__setitem__(model, made))

    def copy(self, source: str, destination: str) -> None:
        self._do(lambda: self.kept.__setitem__(destination, self.kept[source]))

    def delete(self, model: str) -> bool:
        return self._do(lambda: self.kept.pop(model, None)) is not None

    def render(self, model: str, messages: Sequence[Message]) -> str | None:
        made = self.kept[model]
        if self.shows_nothing:
            return None
        text = self._do(lambda: self._prompt(made, messages))
        return text if made.get("template") else self.render_fault(text)

    def chat(
        self,
        model: str,
        messages: Sequence[Message],
        options: Mapping[str, Any],
        schema: Mapping[str, Any] | None = None,
        top_logprobs: int = 0,
    ) -> ChatAnswer:
        def act() -> ChatAnswer:
            text = self._prompt(self.kept[model], messages)
            if self.shows_nothing and not self.kept[model].get("template"):
                text = "".join(message["content"] for message in messages)
            ids = self.template.token_ids(text)
            answer = self.model.answer(ids)
            reason = "stop" if answer.ended else "length"
            tokens = self._tokens(ids, answer.token_ids, 0 if self.shows_nothing else top_logprobs)
            return ChatAnswer(
                self.model.text(answer.token_ids), len(ids), len(answer.token_ids), reason, tokens
            )

        answer = self.answer_fault(self._do(act))
        return self.quantized_fault(answer) if self.kept[model].get("quantize") else answer

    def _tokens(self, prompt: Sequence[int], answer: Sequence[int], top: int) -> tuple[TokenLogprobs, ...]:
        """Each token decoded by itself, as llama.cpp does."""
        if not top:
            return ()
        likeliest = self.model.logprobs(prompt, answer).topk(top)
        decode = self.model.tokenizer.decode
        return tuple(
            TokenLogprobs(
                decode([token]),
                tuple((decode([each]), value) for each, value in zip(ids, values, strict=True)),
            )
            for token, ids, values in zip(
                answer, likeliest.indices.tolist(), likeliest.values.tolist(), strict=True
            )
            if token not in self.model.end_ids
        )

    def _prompt(self, made: Mapping[str, Any], messages: Sequence[Message]) -> str:
        system = made.get("system")
        own = [{"role": "system", "content": system}] if system and messages[0]["role"] != "system" else []
        return self.template.render([*own, *map(dict, messages)])
