"""What a server offers is asked of it."""

from typing import Any

import pytest

from sweeper.errors import SweepError
from sweeper.serving.instruments import instruments
from sweeper.serving.ollama import ChatAnswer, KeptModel, OllamaClient, TokenLogprobs

TOKEN = TokenLogprobs("Hi", (("Hi", -0.1),))


class Server(OllamaClient):
    """`renders` and `has_logprobs` are what it can do."""

    def __init__(self, models: list[KeptModel], renders: bool, has_logprobs: bool) -> None:
        self.kept, self.renders, self.has_logprobs, self.asked = models, renders, has_logprobs, set[str]()

    def models(self) -> list[KeptModel]:
        return self.kept

    def render(self, model: str, messages: Any) -> str:
        self.asked.add(model)
        if not self.renders:
            raise SweepError("cannot")
        return "Hello"

    def chat(
        self, model: str, messages: Any, options: Any, schema: Any = None, top_logprobs: int = 0
    ) -> ChatAnswer:
        self.asked.add(model)
        return ChatAnswer("Hi", 1, 1, "length", (TOKEN,) if self.has_logprobs else ())


@pytest.mark.parametrize(("renders", "has_logprobs"), [(True, True), (True, False), (False, False)])
def test_the_smallest_model_is_asked(renders: bool, has_logprobs: bool) -> None:
    server = Server([KeptModel("big", "a", 9), KeptModel("small", "b", 1)], renders, has_logprobs)
    assert [each.offered for each in instruments(server)] == [renders, has_logprobs, True, True]
    assert server.asked == {"small"}


def test_without_a_model_it_is_not_known() -> None:
    assert [each.offered for each in instruments(Server([], True, True))][:2] == [None, None]
