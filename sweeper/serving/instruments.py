"""What an Ollama lets us see of what it does. The server is asked; its version says nothing for sure."""

from dataclasses import dataclass

from sweeper.errors import SweepError
from sweeper.serving.ollama import OllamaClient

_HELLO = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something that the server offers or not; `offered` None where there is no model to ask it with."""

    name: str
    serves: str
    offered: bool | None


def instruments(client: OllamaClient) -> list[Instrument]:
    """Asks with the smallest model that the server keeps, which it loads for one token."""
    models = sorted(client.models(), key=lambda model: model.size_bytes)
    shows_prompt = has_logprobs = None
    if models:
        shows_prompt = _renders(client, models[0].name)
        has_logprobs = _has_logprobs(client, models[0].name)
    return [
        Instrument("the prompt it feeds", "rendered prompt, byte for byte", shows_prompt),
        Instrument("log probabilities", "logprobs against the merged model", has_logprobs),
        Instrument("token counts", "a doubled begin token, text split in another way", True),
        Instrument("why an answer ended", "answers without end", True),
    ]


def _renders(client: OllamaClient, model: str) -> bool:
    try:
        return client.render(model, _HELLO) is not None
    except SweepError:
        return False


def _has_logprobs(client: OllamaClient, model: str) -> bool:
    try:
        return bool(client.chat(model, _HELLO, {"num_predict": 1}, top_logprobs=1).tokens)
    except SweepError:
        return False
