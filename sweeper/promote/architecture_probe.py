"""Asks a server whether it takes a base, before anything is trained.

It gets a model that has the base's settings and tokens and no weights, and is asked for a token. A server
that knows the architecture and the way of splitting text comes as far as the first tensor that is missing;
what else it says is its reason. Not covered: before 0.30 another way of splitting text is taken for the
default one, which a promotion's token counts see.
"""

from pathlib import Path

from sweeper.errors import SweepError, UnavailableError
from sweeper.serving.ollama import OllamaClient

_PROBE = "sweeper-probe:architecture"
_FIRST_TENSOR = "token_embd.weight"
"""llama.cpp's name of every language model's embedding."""


def server_refusal(client: OllamaClient, vocabulary: Path) -> str | None:
    """Why the server does not take the base of `vocabulary`, in its own words; None where it does.

    Raises UnavailableError where it answers no more.
    """
    try:
        client.create(_PROBE, file_digest=client.upload(vocabulary), template="{{ .Prompt }}")
        asked = [{"role": "user", "content": "a"}]
        client.chat(_PROBE, asked, {"num_predict": 1, "num_ctx": 64, "num_thread": 1})
    except UnavailableError:
        raise
    except SweepError as error:
        return None if _FIRST_TENSOR in str(error) else str(error)
    finally:
        client.delete(_PROBE)
    return None
