"""A running Ollama, by its API. The only module that imports ollama.

What a server can do is asked of it, never concluded from its version: one built with `go install`
calls itself 0.0.0. Tried with 0.32.15 and 0.11.4.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import ollama

from sweeper.errors import InputError, SweepError, UnavailableError
from sweeper.serving.host import is_loopback, server_url

Message = Mapping[str, str]
"""`role` and `content`."""

ShareDone = Callable[[float], None]
"""Called with the share that is done, from 0 to 1."""

_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
"""Seconds. Loading a large model, and checking an upload, keep the server silent for minutes."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model in the server's store. `size_bytes` is what all its files take, shared ones included."""

    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """A token of an answer, and the likeliest ones in its place with their log probabilities, before
    penalties and temperature. Texts that end inside a character hold U+FFFD."""

    text: str
    likeliest: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer. `done_reason` is "stop" where the model ended it, "length" at `num_predict` tokens,
    and "" where the server gave up on it. Token counts are the server's own.

    `tokens` is empty where no log probabilities were asked for, or the server gives none.
    """

    content: str
    prompt_tokens: int
    answer_tokens: int
    done_reason: str
    tokens: tuple[TokenLogprobs, ...] = ()


class OllamaClient:
    """Calls to one server. Every failure is a SweepError of one line that names server and step."""

    def __init__(self, url: str) -> None:
        self.url = url
        trust_env = not is_loopback(url)
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=trust_env)
        self._ollama = ollama.Client(host=url, timeout=_TIMEOUT, trust_env=trust_env)

    @classmethod
    def connect(cls, host: str | None = None) -> "OllamaClient":
        """A client for `host`, or for OLLAMA_HOST. Raises UnavailableError where no Ollama answers, and
        InputError where `host` names no address at all."""
        url = server_url(host)
        try:
            client = cls(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise InputError("OLLAMA_HOST", f"{url} is no address ({error})", "Write HOST:PORT") from None
        client.version()
        return client

    def version(self) -> str:
        """What the server calls itself. Raises UnavailableError where no Ollama answers."""
        try:
            response = self._http.get("/api/version", timeout=10.0).raise_for_status()
            return str(response.json()["version"])
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            raise UnavailableError(
                f"No Ollama answers at {self.url}: start it with `ollama serve`, "
                "or set OLLAMA_HOST to where it runs."
            ) from None

    def digest(self, model: str) -> str | None:
        """The digest of a model's manifest, or None where there is no such model."""
        wanted = model.casefold()
        return next((kept.digest for kept in self.models() if kept.name.casefold() == wanted), None)

    def models(self) -> list[KeptModel]:
        """All models that the server keeps."""
        with self._told("listing its models"):
            models = self._http.get("/api/tags").raise_for_status().json()["models"]
        return [
            KeptModel(str(each["name"]), str(each["digest"]), int(each.get("size", 0))) for each in models
        ]

    def upload(self, path: Path, on_share: ShareDone = lambda share: None) -> str:
        """Sends a file unless the server has it. Returns its digest, "sha256:" and hexadecimal."""
        with path.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        with self._told(f"taking {path.name}"):
            if self._http.head(f"/api/blobs/{digest}").status_code != httpx.codes.OK:
                content = _read_in_chunks(path, on_share)
                self._http.post(f"/api/blobs/{digest}", content=content).raise_for_status()
        return digest

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
        """Makes `model` from an uploaded .gguf file, or from another model with a new prompt or quantised.

        What the other model has and is not given here is taken over, its adapter too. `adapter_digest` is
        that of an uploaded .gguf file with an adapter.
        """
        with self._told(f"creating {model}"):
            states = self._ollama.create(
                model,
                files={"model.gguf": file_digest} if file_digest else None,
                from_=from_model,
                adapters={"adapter.gguf": adapter_digest} if adapter_digest else None,
                template=template,
                system=system,
                license=license,
                parameters=parameters,
                quantize=quantize,
                stream=True,
            )
            last = [state.status for state in states][-1:]
        if last != ["success"]:
            raise SweepError(f"Ollama at {self.url} ended the creation of {model} without success: {last}.")

    def copy(self, source: str, destination: str) -> None:
        """Gives `source` a second name, in place of what had it."""
        with self._told(f"copying {source} to {destination}"):
            self._ollama.copy(source, destination)

    def delete(self, model: str) -> bool:
        """Removes a name. False where there was no such model."""
        with self._told(f"deleting {model}"):
            if self.digest(model) is None:
                return False
            self._ollama.delete(model)
            return True

    def render(self, model: str, messages: Sequence[Message]) -> str | None:
        """The text that the server would feed to the model, without running it.

        None where the server cannot tell (Ollama before 0.11.5): it answers instead, with one token.
        """
        body = {
            "model": model,
            "messages": list(messages),
            "stream": False,
            "options": {"num_predict": 1},
            "_debug_render_only": True,
        }
        with self._told(f"rendering a prompt of {model}"):
            response = self._http.post("/api/chat", json=body).raise_for_status().json()
        shown = response.get("_debug_info")
        return None if shown is None else str(shown["rendered_template"])

    def chat(
        self,
        model: str,
        messages: Sequence[Message],
        options: Mapping[str, Any],
        schema: Mapping[str, Any] | None = None,
        top_logprobs: int = 0,
    ) -> ChatAnswer:
        """One answer, whole. `options` override the model's own parameters for this call.

        A JSON `schema` holds the answer to it. With `top_logprobs` (20 at most) its tokens come with
        log probabilities, by servers that have them.
        """
        format = None if schema is None else dict(schema)
        with self._told(f"answering as {model}"):
            response = self._ollama.chat(
                model,
                list(messages),
                options=dict(options),
                format=format,
                logprobs=top_logprobs > 0 or None,
                top_logprobs=top_logprobs or None,
            )
        return ChatAnswer(
            content=response.message.content or "",
            prompt_tokens=response.prompt_eval_count or 0,
            answer_tokens=response.eval_count or 0,
            done_reason=(response.done_reason or "") if response.done else "",
            tokens=tuple(_token(token) for token in response.logprobs or ()),
        )

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Turns whatever goes wrong into one line. `doing` ends the sentence "Ollama failed at ..."."""
        try:
            yield
        except ollama.ResponseError as error:
            raise SweepError(f"Ollama at {self.url} failed at {doing}: {_one_line(error.error)}.") from error
        except httpx.HTTPStatusError as error:
            told = _told_by(error.response)
            raise SweepError(f"Ollama at {self.url} failed at {doing}: {told}.") from error
        except httpx.TimeoutException as error:
            limit = _TIMEOUT.connect if isinstance(error, httpx.ConnectTimeout) else _TIMEOUT.read
            raise SweepError(f"Ollama at {self.url} said nothing for {limit:.0f} s at {doing}.") from error
        except (httpx.TransportError, ConnectionError) as error:
            raise SweepError(
                f"Ollama at {self.url} broke off at {doing}: {_one_line(str(error))}. Its own log tells why."
            ) from error


def _read_in_chunks(path: Path, on_share: ShareDone) -> Iterator[bytes]:
    total, done = max(path.stat().st_size, 1), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
            done += len(chunk)
            on_share(done / total)


def _told_by(response: httpx.Response) -> str:
    """What the server gives as its reason: `error` of a JSON object, or whatever it says."""
    try:
        told = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        told = response.text
    return _one_line(told)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:500]


def _token(found: Any) -> TokenLogprobs:
    return TokenLogprobs(found.token, tuple((each.token, each.logprob) for each in found.top_logprobs or ()))
