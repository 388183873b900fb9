"""A prompt suite as the rest of sweeper sees it: every text rendered, every assertion read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.data.rows import Message

__all__ = ["TARGET_LOSS", "Assertion", "Case", "HarnessTasks", "Message", "Suite"]

TARGET_LOSS = "target_loss"
"""The assertion that needs the loss of `expected` and no answer."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing that is asked of an answer. `type` names an entry of ASSERTIONS, which has read `value`.

    The answer goes through `transforms` first. With a `threshold` the score is 1 from there on and 0
    below; `negate` turns it round after that. `weight` is its share in the case's score.
    """

    type: str
    value: Any = None
    weight: float = 1.0
    threshold: float | None = None
    transforms: tuple[str, ...] = ()
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt, and what is asked of its answer.

    What the model reads is `messages`, or where there are none, one turn of `instruction` and
    `input`. Cases of one `group` belong together (several questions on one text), and are no
    independent evidence.
    """

    id: str
    instruction: str
    input: str
    expected: str
    messages: tuple[Message, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    tags: tuple[str, ...] = ()
    group: str | None = None

    @property
    def checks(self) -> tuple[Assertion, ...]:
        """Its assertions, or where it has none, that the answer is `expected` to the letter."""
        return self.assertions or ((Assertion("equals", self.expected),) if self.expected else ())

    @property
    def is_scored(self) -> bool:
        """Whether anything of weight is asked; the answer to any other case is only shown."""
        return any(assertion.weight > 0 for assertion in self.checks)

    @property
    def is_answered(self) -> bool:
        """Whether an answer is needed: to be scored, or to be shown."""
        return not self.checks or any(check.type != TARGET_LOSS for check in self.checks)

    @property
    def has_loss(self) -> bool:
        """Whether the loss of `expected` is needed."""
        return any(check.type == TARGET_LOSS for check in self.checks)

    @property
    def text(self) -> str:
        """All that the case itself puts before the model, in one piece."""
        turns = [message.content for message in self.messages] or [self.instruction, self.input]
        return "\n\n".join(turn for turn in turns if turn)


@dataclass(frozen=True, slots=True)
class HarnessTasks:
    """Tasks of lm-evaluation-harness: names, or absolute paths of tasks' own files, whose sha256 are
    `contents`. At most `limit` documents of each; None leaves the harness' own default."""

    tasks: tuple[str, ...]
    contents: tuple[str, ...] = ()
    limit: int | None = None
    num_fewshot: int | None = None
    apply_chat_template: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases with the way to answer them: up to `max_new_tokens` tokens each, ended before any of `stop`.

    Greedy at temperature 0, else drawn case by case from `seed` and the case's id. `system` goes before
    each case that has no system message of its own. A suite of the `harness` has no cases here: they
    are known when it is asked.
    """

    name: str
    path: Path
    cases: tuple[Case, ...]
    max_new_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    system: str | None = None
    harness: HarnessTasks | None = None

    @property
    def is_scored(self) -> bool:
        return self.harness is not None or any(case.is_scored for case in self.cases)
