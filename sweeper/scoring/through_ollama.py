"""A suite asked of a model in Ollama, as a client asks it: by chat messages, one at a time."""

import hashlib
import time
from typing import Any

from sweeper.errors import InputError
from sweeper.scoring.ask import case_messages
from sweeper.scoring.cache import Answers
from sweeper.scoring.decode import before_stop
from sweeper.scoring.generate import Progress
from sweeper.scoring.suite import Case, Suite
from sweeper.serving.ollama import OllamaClient


class PlainTurns:
    """Instruction and input as a chat template of a model's own takes them, for a server that renders."""

    def messages(self, instruction: str, text: str, system: str | None = None) -> list[dict[str, str]]:
        content = f"{instruction}\n\n{text}" if text else instruction
        head = [{"role": "system", "content": system}] if system is not None else []
        return [*head, {"role": "user", "content": content}]


def answer_in_ollama(
    client: OllamaClient, model: str, suite: Suite, progress: Progress
) -> tuple[list[str], Answers]:
    """The messages of each case as text, and the answers. Raises InputError where there is no such model.

    The suite's decoding overrides the model's own parameters, with no penalty on repetition. Not
    covered: models without a chat template of their own, whose rows part instruction and input otherwise.
    """
    tagged = model if ":" in model.rpartition("/")[2] else f"{model}:latest"
    if client.digest(tagged) is None:
        raise InputError(f"ollama:{model}", f"Ollama at {client.url} has no such model", "See `ollama list`")
    start = time.monotonic()
    asked = [case_messages(PlainTurns(), suite, case) for case in suite.cases]
    answers = []
    for done, (case, messages) in enumerate(zip(suite.cases, asked, strict=True), 1):
        answers.append(client.chat(tagged, messages, _options(suite, case)))
        progress(done, len(suite.cases))
    return [_as_text(messages) for messages in asked], Answers(
        texts=tuple(before_stop(answer.content, suite.stop) for answer in answers),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        answer_tokens=sum(answer.answer_tokens for answer in answers),
        wall_seconds=time.monotonic() - start,
    )


def _options(suite: Suite, case: Case) -> dict[str, Any]:
    seed = int.from_bytes(hashlib.sha256(f"{suite.seed}/{case.id}".encode()).digest()[:3])
    return {
        "temperature": suite.temperature,
        "seed": seed,
        "num_predict": suite.max_new_tokens,
        "stop": list(suite.stop),
        "repeat_penalty": 1.0,
    }


def _as_text(messages: list[dict[str, str]]) -> str:
    return "\n".join(f"[{message['role']}] {message['content']}" for message in messages)
