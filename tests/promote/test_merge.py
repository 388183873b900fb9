"""The merge against PEFT's own, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sweeper.errors import InputError, SweepError
from sweeper.models.load import Base
from sweeper.promote.merge import LoraAdapter, merge_adapter, read_adapter
from tests.promote.tiny import CHAT, save_adapter, tiny_base


@pytest.mark.parametrize(("tied", "use_rslora"), [(False, False), (True, False), (False, True)])
def test_the_folder_holds_what_peft_merges(tmp_path: Path, tied: bool, use_rslora: bool) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = tiny_base(tmp_path / "base", tied)
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    targets = ["q_proj", "down_proj"]
    adapter = save_adapter(base, tmp_path / "adapter", target_modules=targets, use_rslora=use_rslora)
    merge_adapter(base, read_adapter(adapter), tmp_path / "merged")

    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="auto")
    assert merged.dtype == torch.float16
    assert merged.config.tie_word_embeddings is tied
    by_peft = PeftModel.from_pretrained(base.model, adapter).merge_and_unload().state_dict()
    assert merged.state_dict().keys() == by_peft.keys()
    for name, value in merged.state_dict().items():
        torch.testing.assert_close(value, by_peft[name].half(), rtol=2**-10, atol=2**-24)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert tokenizer.chat_template == CHAT


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    "changes",
    [{"use_dora": True}, {"rank_pattern": {"q_proj": 2}}, {"bias": "all"}],
    ids=lambda changes: next(iter(changes)),
)
def test_more_than_plain_lora_is_refused(base: Base, tmp_path: Path, changes: dict[str, Any]) -> None:
    adapter = save_adapter(base, tmp_path)
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InputError, match=f"{next(iter(changes))} is .* Promote an adapter of plain LoRA"):
        read_adapter(adapter)


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adapter_config.json: there is no such file"):
        read_adapter(tmp_path)


def test_half_a_pair_is_refused(base: Base, tmp_path: Path) -> None:
    weights = save_adapter(base, tmp_path) / "adapter_model.safetensors"
    tensors = load_file(weights)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, weights)
    with pytest.raises(InputError, match="is not half of a pair"):
        read_adapter(tmp_path)


def test_an_adapter_of_another_base_is_refused(base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(save_adapter(base, tmp_path / "adapter"))
    name, (a, b) = next(iter(adapter.pairs.items()))
    adapter.pairs[name] = (a[:, :-1], b)
    with pytest.raises(SweepError, match="does not have the shape"):
        merge_adapter(base, adapter, tmp_path / "merged")
    adapter.pairs["model.norm"] = adapter.pairs.pop(name)
    with pytest.raises(SweepError, match=r"model\.norm, which is no linear layer"):
        merge_adapter(base, adapter, tmp_path / "merged")


def test_an_output_layer_tied_to_the_embeddings_is_refused(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base", tied=True)
    head = base.model.get_output_embeddings().weight
    pair = torch.ones(4, head.shape[1]), torch.ones(head.shape[0], 4)
    with pytest.raises(SweepError, match="lm_head shares its weights with the input embeddings"):
        merge_adapter(base, LoraAdapter(4, 8, {"lm_head": pair}), tmp_path / "merged")


def test_a_weight_beyond_float16_is_refused(base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(save_adapter(base, tmp_path / "adapter"))
    name, (a, b) = next(iter(adapter.pairs.items()))
    adapter.pairs[name] = (a, b * 1e6)
    with pytest.raises(SweepError, match="does not fit in float16: its largest value is"):
        merge_adapter(base, adapter, tmp_path / "merged")
