"""A tensor that is scaled by 1 % is named, and its scale is found."""

import copy
from typing import Any

import pytest
import torch

from sweeper.models.load import Base
from sweeper.promote.scales import Watched, fit_scales, prove_scales
from tests.promote.tiny import save_adapter, tiny_base

PROMPT, ANSWER = tuple(range(5, 25)), tuple(range(60, 84))


@pytest.fixture(scope="module", params=[False, True], ids=["untied", "tied"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"), tied=request.param)


def log_probabilities(model: Any) -> torch.Tensor:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*PROMPT, *ANSWER[:-1]]]), logits_to_keep=len(ANSWER)).logits
    return logits[0].float().log_softmax(-1)  # type: ignore[no-any-return]


def watched(model: Any, other: Any) -> list[Watched]:
    """The likeliest twenty of each place, as `other` has them less as `model` has them."""
    own, theirs = log_probabilities(model), log_probabilities(other)
    found = [
        (place, token, float(theirs[place, token] - own[place, token]))
        for place, tokens in enumerate(own.topk(20).indices.tolist())
        for token in tokens
    ]
    return [Watched(PROMPT, ANSWER, tuple(found))]


@pytest.mark.parametrize(
    "tensor",
    [
        *(f"model.layers.{layer}.self_attn.{side}_proj" for layer, side in enumerate("qk")),
        *(f"model.layers.{layer}.self_attn.{side}_proj" for layer, side in enumerate("vo")),
        *(f"model.layers.1.mlp.{side}_proj" for side in ("gate", "up", "down")),
        *("model.layers.0.input_layernorm", "model.norm", "model.embed_tokens"),
    ],
)
def test_one_percent_of_any_tensor_is_seen_and_named(base: Base, tensor: str) -> None:
    other = copy.deepcopy(base.model)
    with torch.no_grad():
        other.get_submodule(tensor).weight *= 1.01
    fitted = fit_scales(base.model, watched(base.model, other))
    assert fitted[tensor] == pytest.approx(0.01, rel=0.5)
    proof = prove_scales(base.model, watched(base.model, other) * 4)
    assert proof is not None
    assert not proof.passed


def test_the_same_model_is_not_off_and_is_left_as_it_was(base: Base) -> None:
    before = log_probabilities(base.model)
    proof = prove_scales(base.model, watched(base.model, base.model) * 4)
    assert proof is not None
    assert proof.passed
    assert "with +0.00%" in proof.detail or "with -0.00%" in proof.detail
    assert torch.equal(log_probabilities(base.model), before)


def test_a_few_differences_are_no_proof(base: Base) -> None:
    """480 of them; what cannot be compared at all counts for nothing."""
    assert prove_scales(base.model, [*watched(base.model, base.model), Watched(PROMPT, ANSWER, ())]) is None


def test_beside_an_adapter_the_bases_own_tensors_are_fitted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from peft import PeftModel

    base = tiny_base(tmp_path_factory.mktemp("beside"))
    adapter = save_adapter(base, tmp_path_factory.mktemp("adapter"))
    adapted = PeftModel.from_pretrained(base.model, str(adapter)).eval()
    other = copy.deepcopy(adapted)
    tensor = "base_model.model.model.layers.1.mlp.down_proj.base_layer"
    with torch.no_grad():
        other.get_submodule(tensor).weight *= 1.01
    model: Any = adapted
    fitted = fit_scales(model, watched(model, other))
    assert fitted[tensor] == pytest.approx(0.01, rel=0.5)
    assert not [name for name in fitted if ".lora_" in name or f"{name}.base_layer" in fitted]
