"""An adapter beside a shared base: it is written so that one alpha says all, and proven by PEFT."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sweeper.data.template import template_of
from sweeper.errors import InputError, ProofError, SweepError
from sweeper.models.load import Base
from sweeper.promote.adapter import read_adapter
from sweeper.promote.adapter_proofs import IN_FILE, WRITTEN, prove_adapter
from sweeper.promote.candidate_source import base_name
from sweeper.promote.converter import convert_adapter_to_gguf
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.merge import loaded_base, merge_adapter
from sweeper.promote.plain_adapter import write_plain_adapter
from sweeper.promote.promote import promote
from sweeper.promote.promotion import PromotionRequest
from sweeper.space.space import PromoteSettings
from tests.promote.fake_ollama import FakeOllama
from tests.promote.tiny import CHAT, STUB, save_adapter, tiny_base, tiny_request

COUNTED = (
    STUB
    + """
from pathlib import Path
with Path(__file__).with_name("calls").open("a") as calls:
    calls.write("x")
"""
)
OF_ADAPTERS = """
import json, sys
from pathlib import Path
from gguf import GGUFWriter
from safetensors.torch import load_file
folder = Path(sys.argv[1])
writer = GGUFWriter(sys.argv[sys.argv.index("--outfile") + 1], "llama")
config = json.loads((folder / "adapter_config.json").read_text())
writer.add_float32("adapter.lora.alpha", config["lora_alpha"])
for name, tensor in load_file(folder / "adapter_model.safetensors").items():
    side = "a" if "lora_A" in name else "b"
    rows = tensor if side == "a" else tensor.flip(0)
    writer.add_tensor(name.partition(".lora_")[0] + ".weight.lora_" + side, rows.contiguous().numpy())
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
"""
"""Stands for llama.cpp's converter: one alpha from the settings, whatever else they say, and rows in another
order, as it keeps them for Llama's queries."""

SETTINGS: list[dict[str, Any]] = [
    {},
    {"use_rslora": True},
    {"alpha_pattern": {"up_proj": 3}, "rank_pattern": {"layers.0.mlp.down_proj": 2}},
    {"use_rslora": True, "alpha_pattern": {"q_proj": 16, "layers.1.self_attn.v_proj": 1}},
    {"lora_alpha": 0},
    {"lora_alpha": 0, "alpha_pattern": {"q_proj": 4}},
]


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny_base(tmp_path / "base")


@pytest.fixture
def converter(tmp_path: Path) -> Path:
    (tmp_path / "llama.cpp").mkdir()
    (tmp_path / "llama.cpp" / "convert_lora_to_gguf.py").write_text(OF_ADAPTERS)
    script = tmp_path / "llama.cpp" / "convert_hf_to_gguf.py"
    script.write_text(COUNTED)
    return script


def convert(converter: Path, adapter: Path, target: Path) -> Path:
    convert_adapter_to_gguf(converter, adapter, converter.parent, target, target.with_suffix(".log"))
    return target


def verdicts(base: Base, adapter: Path, written: Path, gguf: Path) -> dict[str, bool]:
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(base.model, str(adapter))
    try:
        return {proof.name: proof.passed for proof in prove_adapter(adapted, written, gguf)}
    finally:
        adapted.unload()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_one_alpha_says_all(base: Base, converter: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    adapter, written = save_adapter(base, tmp_path / "adapter", **settings), tmp_path / "written"
    write_plain_adapter(read_adapter(adapter), adapter, written)
    config = json.loads((written / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["alpha_pattern"]) == (False, {})
    own, copied = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, written))
    assert own.keys() == copied.keys()
    same = all(torch.equal(own[name], copied[name]) for name in own if not settings or "lora_A" in name)
    assert same
    gguf = convert(converter, written, tmp_path / "adapter.gguf")
    assert verdicts(base, adapter, written, gguf) == {WRITTEN: True, IN_FILE: True}


def test_rslora_that_is_converted_as_it_is_is_refused(base: Base, converter: Path, tmp_path: Path) -> None:
    """What the converter makes of it by itself: twice too small an adapter, for a rank of 4."""
    adapter = save_adapter(base, tmp_path / "adapter", use_rslora=True)
    gguf = convert(converter, adapter, tmp_path / "adapter.gguf")
    assert verdicts(base, adapter, adapter, gguf) == {WRITTEN: True, IN_FILE: False}


@pytest.mark.parametrize("fault", ["one layer 0.1 % off", "a layer left out of the file"])
def test_a_wrong_layer_is_refused(base: Base, converter: Path, fault: str, tmp_path: Path) -> None:
    adapter, written = save_adapter(base, tmp_path / "adapter"), tmp_path / "written"
    write_plain_adapter(read_adapter(adapter), adapter, written)
    weights = written / "adapter_model.safetensors"
    right, wrong = load_file(weights), load_file(weights)
    layer = "base_model.model.model.layers.1.mlp.up_proj.lora_"
    if fault == "one layer 0.1 % off":
        save_file({**wrong, f"{layer}B.weight": wrong[f"{layer}B.weight"] * 1.001}, weights)
        assert not verdicts(base, adapter, written, convert(converter, written, tmp_path / "g.gguf"))[WRITTEN]
        return
    save_file({name: each for name, each in right.items() if not name.startswith(layer)}, weights)
    gguf = convert(converter, written, tmp_path / "g.gguf")
    save_file(right, weights)
    assert verdicts(base, adapter, written, gguf) == {WRITTEN: True, IN_FILE: False}


def test_a_checkout_without_the_script_is_told(converter: Path, tmp_path: Path) -> None:
    converter.with_name("convert_lora_to_gguf.py").unlink()
    with pytest.raises(InputError, match=r"there is no convert_lora_to_gguf\.py"):
        convert(converter, tmp_path, tmp_path / "adapter.gguf")


@pytest.fixture
def request_(
    base: Base, converter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PromotionRequest:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    return tiny_request(
        base,
        save_adapter(base, tmp_path / "adapter", use_rslora=True),
        tmp_path,
        settings=PromoteSettings("bot", {}, None, form="adapter"),
        converter=converter,
    )


@pytest.fixture
def ollama(base: Base, request_: PromotionRequest, tmp_path: Path) -> FakeOllama:
    """Answers by the merged model: by our own formula, where the promotion goes by PEFT's."""
    from transformers import AutoModelForCausalLM

    merge_adapter(loaded_base(base), read_adapter(request_.adapter), tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    ends = frozenset({base.tokenizer.eos_token_id})
    return FakeOllama(template_of(base.tokenizer), GreedyModel(merged, base.tokenizer, ends, 5))


def again(request: PromotionRequest, tmp_path: Path, **changes: Any) -> PromotionRequest:
    """The same with a base that has no adapter around it."""
    base = tiny_base(tmp_path / "base")
    return dataclasses.replace(request, base=base, may_replace=True, **changes)


def test_the_base_is_converted_and_sent_once(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    upload = ollama.upload

    def upload_and_tell(path: Path, *more: Any) -> str:
        sent.append(path.name)
        return upload(path, *more)

    monkeypatch.setattr(ollama, "upload", upload_and_tell)
    first = promote(request_, ollama)
    assert first.accepted
    assert first.form == "adapter"
    base = base_name(first.gguf_sha256)
    assert ollama.kept.keys() == {"bot:latest", base}
    assert ollama.kept["bot:latest"]["file"] == ollama.kept[base]["file"] == f"sha256:{first.gguf_sha256}"
    assert ollama.kept["bot:latest"]["adapter"] == f"sha256:{first.adapter_gguf_sha256}"
    assert "adapter" not in ollama.kept[base]
    assert [proof.name for proof in first.proofs] == [
        WRITTEN,
        IN_FILE,
        "rendered prompt = chat template's text",
        "prompt_eval_count = tokenizer's count",
        "answers = base + adapter's by PEFT",
        "logprobs = base + adapter's by PEFT",
        "done_reason",
    ]
    second = promote(again(request_, tmp_path, live_name="bot:other"), ollama)
    assert second.gguf_sha256 == first.gguf_sha256
    assert sorted(sent) == ["adapter.gguf", "adapter.gguf", "model.gguf"]
    assert request_.converter is not None
    assert request_.converter.with_name("calls").read_text() == "x"
    assert all(path.suffix == ".log" for path in request_.work_dir.iterdir())


def test_a_kept_base_that_was_altered_is_converted_again(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path
) -> None:
    first = promote(request_, ollama)
    (kept,) = (tmp_path / "cache" / "bases").glob("*/model.gguf")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert promote(again(request_, tmp_path), ollama).gguf_sha256 == first.gguf_sha256
    assert request_.converter is not None
    assert request_.converter.with_name("calls").read_text() == "xx"


def test_another_chat_template_is_another_base(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path
) -> None:
    promote(request_, ollama)
    request = again(request_, tmp_path, chat_template=CHAT.replace("Be brief.", "Be loud."))
    assert isinstance(request.base, Base)
    ollama.template = template_of(request.base.tokenizer, request.chat_template)
    promote(request, ollama)
    assert len(list((tmp_path / "cache" / "bases").iterdir())) == 2


def test_a_refused_adapter_leaves_the_live_name(request_: PromotionRequest, ollama: FakeOllama) -> None:
    """The server takes the base and leaves the adapter out, as one that knows no adapters would."""
    ollama.kept["bot:latest"] = {"file": "old"}
    assert isinstance(request_.base, Base)
    untuned = tiny_base(Path(request_.base.reference.source))
    ollama.model = dataclasses.replace(ollama.model, model=untuned.model)
    with pytest.raises(ProofError, match=r"bot:latest stays as it was: answers = base \+ adapter's by PEFT"):
        promote(dataclasses.replace(request_, may_replace=True), ollama)
    assert ollama.kept["bot:latest"] == {"file": "old"}
    (report,) = request_.reports.glob("*.json")
    assert json.loads(report.read_text())["form"] == "adapter"


def test_an_adapter_that_changed_before_its_upload_is_refused(
    request_: PromotionRequest, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = ollama.upload

    def damage(path: Path, *more: Any) -> str:
        if path.name == "adapter.gguf":
            path.write_bytes(path.read_bytes()[:-1])
        return upload(path, *more)

    monkeypatch.setattr(ollama, "upload", damage)
    with pytest.raises(ProofError, match="the GGUF changed between its conversion"):
        promote(request_, ollama)
    assert "bot:latest" not in ollama.kept


def test_the_export_has_both_files(request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path) -> None:
    out = tmp_path / "out"
    promotion = promote(dataclasses.replace(request_, export=out), ollama)
    assert (out / "Modelfile").read_text().startswith("FROM ./model.gguf\nADAPTER ./adapter.gguf\n")
    assert (out / "adapter.gguf").stat().st_size == promotion.adapter_gguf_bytes
    assert promotion.adapter_gguf_sha256 in (out / "README.md").read_text()


def test_a_failed_conversion_keeps_no_base(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path
) -> None:
    assert request_.converter is not None
    request_.converter.write_text("raise NotImplementedError('not this one')")
    with pytest.raises(SweepError, match="NotImplementedError: not this one"):
        promote(request_, ollama)
    assert list((tmp_path / "cache" / "bases").iterdir()) == []
    shutil.rmtree(tmp_path / "cache")
