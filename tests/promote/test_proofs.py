"""Each proof passes on what is right and names what is wrong."""

import dataclasses
from collections.abc import Sequence

from sweeper.promote.greedy import Followed
from sweeper.promote.prompts import Prompt
from sweeper.promote.proofs import Proof, prove_answers, prove_endings, prove_rendered, prove_token_counts
from sweeper.serving.ollama import ChatAnswer

PROMPTS = [
    Prompt("case 1", ({"role": "user", "content": "Hi"},), "<s>[user]Hi[assistant]", (1, 2, 3, 4)),
    Prompt("case 2", ({"role": "user", "content": "Ho"},), "<s>[user]Ho[assistant]", (1, 2, 5, 4)),
]
ANSWERS = [ChatAnswer("one", 4, 2, "stop"), ChatAnswer("two", 4, 9, "length")]
FOLLOWED = [Followed(None, "one", True, ()), Followed(None, "two", False, (0.03,))]


def test_rendered_text() -> None:
    texts = [prompt.text for prompt in PROMPTS]

    def proof(rendered: Sequence[str | None], bos: str | None) -> Proof:
        (found,) = prove_rendered(PROMPTS, rendered, bos)
        return found

    assert proof(texts, None).passed
    assert proof([text.removeprefix("<s>") for text in texts], "<s>").passed
    assert not proof([text.removeprefix("<s>") for text in texts], None).passed
    assert not proof([text + "\n" for text in texts], "<s>").passed
    wrong = proof([texts[0], texts[1].replace("Ho", "Hi")], "<s>")
    assert wrong.detail.startswith("1 of 2 differ; case 2: ")
    assert "'<s>[user]Hi[assistant]' where '<s>[user]Ho[assistant]' is wanted (character 10)" in wrong.detail
    assert prove_rendered(PROMPTS, [texts[0], None], None) == []


def test_token_counts() -> None:
    assert prove_token_counts(PROMPTS, ANSWERS).passed
    doubled = [ANSWERS[0], dataclasses.replace(ANSWERS[1], prompt_tokens=5)]
    proof = prove_token_counts(PROMPTS, doubled)
    assert not proof.passed
    assert "case 2: Ollama fed 5 tokens, and the prompt has 4" in proof.detail


def test_answers() -> None:
    proof = prove_answers(PROMPTS, FOLLOWED)
    assert proof.passed
    assert "1 ties (margins up to 0.030 of 0.1 logits)" in proof.detail
    wrong = dataclasses.replace(FOLLOWED[0], difference="'no' where 'one' is wanted")
    assert not prove_answers(PROMPTS, [wrong, FOLLOWED[1]]).passed


def test_endings() -> None:
    assert prove_endings(PROMPTS, FOLLOWED, ANSWERS).passed
    for reason in ("length", ""):
        ran_on = [dataclasses.replace(ANSWERS[0], done_reason=reason), ANSWERS[1]]
        proof = prove_endings(PROMPTS, FOLLOWED, ran_on)
        assert not proof.passed
        assert f"case 1: done_reason is {reason!r}, not 'stop'" in proof.detail
    stopped = [ANSWERS[0], dataclasses.replace(ANSWERS[1], done_reason="stop")]
    assert not prove_endings(PROMPTS, FOLLOWED, stopped).passed
