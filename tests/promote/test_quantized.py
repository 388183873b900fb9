"""How close a quantised model answers, and what makes it another model."""

import dataclasses

import pytest

from sweeper.promote.quantized import Observed, agreement, prove_quantized
from sweeper.space.promote_settings import GateSettings
from tests.promote.test_proofs import ANSWERS, PROMPTS

REFERENCE = Observed(tuple(prompt.text for prompt in PROMPTS), tuple(ANSWERS), 0.5)


def failed(found: Observed, gate: GateSettings = GateSettings()) -> list[str]:  # noqa: B008
    proofs = prove_quantized("q8_0", PROMPTS, 2, REFERENCE, found, None, gate)
    return [proof.name.removeprefix("q8_0: ") for proof in proofs if not proof.passed]


def other(**changes: object) -> Observed:
    answer = dataclasses.replace(ANSWERS[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(REFERENCE, answers=(answer, ANSWERS[1]))


@pytest.mark.parametrize(
    ("one", "two", "share"),
    [("same", " same\n", 1.0), ("", "", 1.0), ("abcd", "abxy", 0.5), ("ab", "abcd", 0.5), ("x", "", 0.0)],
)
def test_agreement(one: str, two: str, share: float) -> None:
    assert agreement(one, two) == agreement(two, one) == share


def test_the_same_model_holds() -> None:
    assert failed(REFERENCE) == []


def test_each_fault_is_seen_by_its_proof() -> None:
    shortened = (REFERENCE.rendered[0], "")
    assert failed(dataclasses.replace(REFERENCE, rendered=shortened)) == [
        "rendered prompt = chat template's text"
    ]
    assert failed(other(prompt_tokens=5)) == ["prompt_eval_count = tokenizer's count"]
    assert failed(other(done_reason="length")) == ["ends where f16 does"]
    assert failed(dataclasses.replace(REFERENCE, score=0.44)) == ["close to f16"]
    assert failed(dataclasses.replace(REFERENCE, score=0.46)) == []


def test_the_gate_bounds_what_may_differ() -> None:
    assert failed(other(content="garbage")) == []  # half of the answers, and half is asked for
    assert failed(other(content="garbage"), GateSettings(min_agreement=0.6)) == ["close to f16"]
    assert failed(dataclasses.replace(REFERENCE, score=0.2), GateSettings(max_quantization_loss=0.3)) == []
