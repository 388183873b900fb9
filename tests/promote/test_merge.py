"""The merge against PEFT's own, and what it refuses."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from sweeper.errors import InputError, SweepError
from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.promote import tensors
from sweeper.promote.adapter import LoraAdapter, read_adapter
from sweeper.promote.merge import loaded_base, merge_adapter, save_tokenizer, stored_base
from tests.promote.tiny import CHAT, save_adapter, tiny_base

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "patterns": {"rank_pattern": {"q_proj": 2, "1.mlp.down_proj": 8}, "alpha_pattern": {"down_proj": 3}},
    "patterns of rslora": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {".*0.*": 5}, "use_rslora": True},
}


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_folder_holds_what_peft_merges(tmp_path: Path, tied: bool, settings: dict[str, Any]) -> None:
    """Of a loaded base and of its files, which hold the tied output layer once."""
    from peft import PeftModel

    base = tiny_base(tmp_path / "base", tied)
    base.model.save_pretrained(tmp_path / "base")
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    adapter = save_adapter(
        base, tmp_path / "adapter", target_modules=["q_proj", "down_proj", "up_proj"], **settings
    )
    stored = stored_base(BaseReference("tiny", str(tmp_path / "base"), None))
    assert stored is not None
    merge_adapter(loaded_base(base), read_adapter(adapter), tmp_path / "merged")
    merge_adapter(stored, read_adapter(adapter), tmp_path / "merged-files")

    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
    by_peft = PeftModel.from_pretrained(base.model, adapter).merge_and_unload().state_dict()
    for folder in (tmp_path / "merged", tmp_path / "merged-files"):
        merged = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        assert merged.dtype == torch.float16
        assert merged.config.tie_word_embeddings is tied
        assert merged.state_dict().keys() == by_peft.keys()
        for name, value in merged.state_dict().items():
            torch.testing.assert_close(value, by_peft[name].half(), rtol=2**-10, atol=2**-24)
    names = load_file(tmp_path / "merged-files" / "model.safetensors")
    assert ("lm_head.weight" in names) is not tied


def test_a_tensor_in_many_pieces_is_the_same(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = read_adapter(save_adapter(base, tmp_path / "adapter"))
    merge_adapter(loaded_base(base), adapter, tmp_path / "whole")
    monkeypatch.setattr(tensors, "BLOCK_ELEMENTS", 100)
    merge_adapter(loaded_base(base), adapter, tmp_path / "pieces")
    whole, pieces = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "pieces"))
    assert whole.keys() == pieces.keys()
    assert all(torch.allclose(whole[name], pieces[name], rtol=2**-10, atol=2**-24) for name in whole)


def test_files_in_parts_are_read_and_those_of_other_tensors_are_not(base: Base, tmp_path: Path) -> None:
    reference = BaseReference("tiny", str(tmp_path), None)
    base.model.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    stored = stored_base(reference)
    assert stored is not None
    name = "model.layers.1.mlp.up_proj.weight"
    assert torch.equal(stored.tensors.rows(name, 3, 7), base.model.state_dict()[name][3:7])

    part = next(path for path in tmp_path.glob("*.safetensors") if name in load_file(path))
    renamed = {key.replace("up_proj", "w1"): value for key, value in load_file(part).items()}
    save_file(renamed, part)
    assert stored_base(reference) is None


def test_the_tokenizer_goes_along(base: Base, tmp_path: Path) -> None:
    save_tokenizer(base.tokenizer, tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == CHAT


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    "changes",
    [{"use_dora": True}, {"bias": "all"}],
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
    layer, (rows, columns) = next(iter(adapter.shapes.items()))
    other = dataclasses.replace(adapter, shapes={layer: (rows, columns + 1)})
    with pytest.raises(SweepError, match="does not have the shape"):
        merge_adapter(loaded_base(base), other, tmp_path / "merged")
    other = dataclasses.replace(adapter, shapes={"model.norm": (rows, columns)})
    with pytest.raises(SweepError, match=r"model\.norm, which is no linear layer"):
        merge_adapter(loaded_base(base), other, tmp_path / "merged")


def test_an_output_layer_tied_to_the_embeddings_is_refused(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base", tied=True)
    rows, columns = base.model.get_output_embeddings().weight.shape
    adapter = LoraAdapter(tmp_path, {"lm_head": 1.0}, {"lm_head": (rows, columns)})
    with pytest.raises(SweepError, match="lm_head shares its weights with the input embeddings"):
        merge_adapter(loaded_base(base), adapter, tmp_path / "merged")


def test_a_weight_beyond_float16_is_refused(base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(save_adapter(base, tmp_path / "adapter"))
    scales = {layer: 1e6 for layer in adapter.scales}
    with pytest.raises(SweepError, match="does not fit in float16: its largest value is"):
        merge_adapter(loaded_base(base), dataclasses.replace(adapter, scales=scales), tmp_path / "merged")
