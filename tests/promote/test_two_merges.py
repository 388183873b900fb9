"""An adapter that was trained on nf4 goes into whichever base suits it better on dev, and is proven there."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.data.template import template_of
from sweeper.errors import ProofError
from sweeper.models.load import Base, load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.promote import two_merges
from sweeper.promote.build import build
from sweeper.promote.merge_choice import MergedInto, Nf4Training
from sweeper.promote.nf4 import load_nf4_exactly
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.record import Record
from sweeper.report.promotion import merge_line
from sweeper.scoring.case_loss import case_losses
from sweeper.scoring.suite import Case, Suite
from sweeper.serving.model_name import parse_model_name
from sweeper.space.objective import TARGET_LOSS, Objective
from tests.promote.tiny import CHAT, save_adapter, tiny_base, tiny_request
from tests.tiny_base import WORDS

NF4 = Precision(quantization="nf4")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseReference:
    return tiny_base(tmp_path_factory.mktemp("base")).reference


@pytest.fixture(scope="module")
def adapter(reference: BaseReference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(load_base(reference), tmp_path_factory.mktemp("adapter"))


def dev(word: str) -> Suite:
    return Suite("dev", Path("dev"), (Case("case", "Say it.", "", word),), 3)


def by_peft(base: Base, adapter: Path, word: str) -> float:
    """The loss of `word`, by the base with its adapter as PEFT runs it."""
    from peft import PeftModel

    template = template_of(base.tokenizer, CHAT)
    model: Any = PeftModel.from_pretrained(base.model, adapter).eval()
    (case,) = dev(word).cases
    (loss,) = case_losses(model, template, [case], [template.render(template.messages("Say it.", ""))])
    model.unload()
    return loss


@pytest.fixture(scope="module")
def losses(reference: BaseReference, adapter: Path) -> dict[str, dict[MergedInto, float]]:
    """By word: what the nf4 model with its adapter loses, and the original base with it."""
    held, plain = load_nf4_exactly(reference, NF4, None), load_base(reference)
    return {
        word: {"dequantised": by_peft(held, adapter, word), "original": by_peft(plain, adapter, word)}
        for word in WORDS
    }


def built(request: PromotionRequest) -> Record:
    record = Record(parse_model_name("bot"), lambda step, share: None)
    build(request, record)
    return record


@pytest.mark.parametrize("better", ["dequantised", "original"])
def test_the_better_merge_on_dev_is_taken_and_proven(
    reference: BaseReference,
    adapter: Path,
    losses: dict[str, dict[MergedInto, float]],
    tmp_path: Path,
    better: MergedInto,
) -> None:
    word = next(word for word, found in losses.items() if min(found, key=lambda into: found[into]) == better)
    training = Nf4Training(NF4, (dev(word),), TARGET_LOSS)
    record = built(tiny_request(reference, adapter, tmp_path, chat_template=CHAT, nf4=training))
    assert record.merge is not None
    assert record.merge.taken == better
    for into, loss in losses[word].items():
        found = getattr(record.merge, into)
        assert found.target_loss == pytest.approx(loss, rel=1e-3)
        assert found.objective == -found.target_loss
    assert [proof.passed for proof in record.proofs[:2]] == [True, True]
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == ["merged"]
    assert merge_line(record.merge).startswith(f"Merged into the {better}")


def test_equal_scores_are_parted_by_the_loss(
    reference: BaseReference, adapter: Path, losses: dict[str, dict[MergedInto, float]], tmp_path: Path
) -> None:
    """No answer of random weights is right: 0 and 0."""
    word, found = next(iter(losses.items()))
    training = Nf4Training(NF4, (dev(word),), Objective((("dev", 1.0),)))
    record = built(tiny_request(reference, adapter, tmp_path, chat_template=CHAT, nf4=training))
    assert record.merge is not None
    assert (record.merge.dequantised.objective, record.merge.original.objective) == (0.0, 0.0)
    assert record.merge.taken == min(found, key=lambda into: found[into])


def test_a_merge_into_another_base_than_it_says_is_refused(
    reference: BaseReference, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is called the dequantised base is the original one: equal on dev, so it is taken, and refused."""
    monkeypatch.setattr(two_merges, "dequantised_nf4", lambda base, dtype: base)
    training = Nf4Training(NF4, (dev("red"),), TARGET_LOSS)
    with pytest.raises(ProofError, match="merged weights = base"):
        built(tiny_request(reference, adapter, tmp_path, chat_template=CHAT, nf4=training))


def test_a_trial_on_a_plain_base_is_merged_once(
    reference: BaseReference, adapter: Path, tmp_path: Path
) -> None:
    assert built(tiny_request(reference, adapter, tmp_path, chat_template=CHAT)).merge is None
