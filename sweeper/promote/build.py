"""From an adapter to a proven merged model and its .gguf file. Ollama is not touched here."""

import gc
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.data.template import Template, template_of
from sweeper.models.load import Base, load_base
from sweeper.models.reference import BaseReference
from sweeper.models.tokenizer import load_tokenizer
from sweeper.models.weight_files import safetensors_files
from sweeper.promote.adapter import LoraAdapter, read_adapter
from sweeper.promote.converter import convert_to_gguf, find_converter
from sweeper.promote.disk import refuse_small_work_disk
from sweeper.promote.file_hashes import file_hashes
from sweeper.promote.gguf_vocabulary import adds_bos, is_sentencepiece, prove_vocabulary, stop_adding_bos
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.kept_build import build_key, forget_build, keep_build, take_up_build
from sweeper.promote.merge import loaded_base, merge_adapter, save_tokenizer, stored_base
from sweeper.promote.merge_proofs import look_by_peft, prove_logits
from sweeper.promote.nf4 import load_nf4_exactly
from sweeper.promote.ollama_prompt import PromptOption, guard_chat_template, prompt_options
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.prompts import Prompt, case_prompts, probe_prompts
from sweeper.promote.record import Record
from sweeper.promote.same_base import refuse_changed_base
from sweeper.promote.tensors import StoredTensors
from sweeper.promote.token_ids import prove_token_ids
from sweeper.promote.two_merges import merge_both_ways
from sweeper.scoring.generate import end_token_ids
from sweeper.serving.llama_quantize import Quantizer, find_quantizer
from sweeper.serving.llama_server import find_llama_server, llama_server

_LOGIT_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class Built:
    """All that putting the model into Ollama needs. `bos` is the begin-of-text token's text.

    `cases` are the suite's prompts in order, `probes` others that Ollama must render as wanted.
    """

    gguf: Path
    merged: GreedyModel
    cases: tuple[Prompt, ...]
    probes: tuple[Prompt, ...]
    options: tuple[PromptOption, ...]
    bos: str | None
    context_length: int | None
    quantizer: Quantizer | None = None
    """llama.cpp's, for what Ollama does not quantise itself."""


def build(request: PromotionRequest, record: Record) -> Built:
    """Merges, proves the merge, converts. Raises ProofError where the merged model is another one.

    What an earlier promotion has built in `work_dir` is taken up if it is the same and each file has its
    hash; else it is replaced. Raises InputError, SweepError and UnavailableError as its steps do.
    """
    gguf, reference = request.work_dir / "model.gguf", _reference(request.base)
    adapter = read_adapter(request.adapter)
    base_sha256 = ""
    if request.lineage is not None:
        with record.step("compare base"):
            base_sha256 = refuse_changed_base(reference, request.lineage.base_sha256)
    with record.step("find converter"):
        converter = find_converter(request.converter)
    tokenizer = request.base.tokenizer if isinstance(request.base, Base) else load_tokenizer(reference)
    template = template_of(tokenizer, request.chat_template)
    system = request.settings.system
    cases = case_prompts(template, request.suite, system)
    key = build_key(request, reference, base_sha256, converter)
    if take_up_build(request.work_dir, key, record):
        merged = load_merged(request.work_dir / "merged", tokenizer, request.suite.max_new_tokens)
    else:
        clear_work(request.work_dir)
        proofs = len(record.proofs)
        merged = _proven_merge(request, adapter, cases, tokenizer, record)
        _convert(request, converter, template, cases, record)
        keep_build(request.work_dir, key, record, proofs)
    return Built(
        gguf,
        merged,
        tuple(cases),
        tuple(probe_prompts(template, system)),
        tuple(prompt_options(template, adds_bos(gguf))),
        template.tokenizer.bos_token,
        getattr(merged.model.config, "max_position_embeddings", None),
        find_quantizer(request.converter),
    )


def _proven_merge(
    request: PromotionRequest, adapter: LoraAdapter, cases: list[Prompt], tokenizer: Any, record: Record
) -> GreedyModel:
    """One of the two models is in memory at a time: of the base its logits are kept."""
    folder = request.work_dir / "merged"
    base = _merge(request, adapter, folder, record)
    save_tokenizer(tokenizer, folder)
    with record.step("prove merge"):
        tokens = [prompt.token_ids for prompt in cases[:_LOGIT_PROMPTS]]
        stored = StoredTensors(safetensors_files(folder))
        by_peft = look_by_peft(base, request.adapter, stored, tokens)
        del base
        gc.collect()  # PEFT's model and its layers know each other
        merged = load_merged(folder, tokenizer, request.suite.max_new_tokens)
        record.prove([by_peft.weights, prove_logits(by_peft.logits, merged.model, tokens)])
    return merged


def _convert(
    request: PromotionRequest, converter: Path, template: Template, cases: list[Prompt], record: Record
) -> None:
    folder, gguf = request.work_dir / "merged", request.work_dir / "model.gguf"
    with record.step("convert to GGUF"):
        guard_chat_template(folder)
        convert_to_gguf(converter, folder, gguf, request.work_dir / "converter.log")
    if (source := _reference(request.base).gguf_path) is not None:
        record.prove([prove_vocabulary(source, gguf)])
    bos = template.tokenizer.bos_token
    if adds_bos(gguf) and not (bos and cases[0].text.startswith(bos)):
        stop_adding_bos(gguf)
    record.gguf_bytes = gguf.stat().st_size
    record.gguf_sha256, record.gguf_md5 = file_hashes(gguf)
    _prove_token_ids(template.tokenizer, gguf, request.work_dir / "llama-server.log", record)


def _merge(request: PromotionRequest, adapter: LoraAdapter, folder: Path, record: Record) -> Base:
    """Gives the base that the merge is proven against, loaded: before the merge only where its files
    cannot be read tensor by tensor."""
    reference = _reference(request.base)
    base = request.base if isinstance(request.base, Base) else None
    source = stored_base(reference) if base is None else loaded_base(base)
    if source is None:
        with record.step("load base"):
            base = load_base(reference)
        source = loaded_base(base)
    refuse_small_work_disk(source.structure.num_parameters(), folder.parent)
    if request.nf4 is not None:
        template = template_of(load_tokenizer(reference), request.chat_template)
        record.merge = merge_both_ways(source, adapter, request.nf4, template, folder, record)
        if record.merge.taken == "dequantised":
            del source, base  # their memory is free before the other takes its own
            with record.step("load base"):
                return load_nf4_exactly(reference, request.nf4.precision, request.nf4.dequantised)
    else:
        with record.step("merge"):
            merge_adapter(source, adapter, folder)
    if base is None:
        with record.step("load base"):
            base = load_base(reference)
    return base


def _reference(base: Base | BaseReference) -> BaseReference:
    return base.reference if isinstance(base, Base) else base


def _prove_token_ids(tokenizer: Any, gguf: Path, log: Path, record: Record) -> None:
    """Where llama.cpp's server is on this machine; else the token counts must do, as the record tells."""
    program = find_llama_server()
    if program is None:
        record.missing.append("llama-server on this machine, for token ids")
        return
    with record.step("token ids"), llama_server(program, gguf, log) as server:
        record.prove([prove_token_ids(tokenizer, server.token_ids, is_sentencepiece(gguf))])


def load_merged(folder: Path, tokenizer: Any, max_new_tokens: int) -> GreedyModel:
    """The merged model as its folder gives it: f16 weights, computed in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).requires_grad_(False).eval()
    return GreedyModel(model, tokenizer, end_token_ids(model, template_of(tokenizer)), max_new_tokens)


def clear_work(work_dir: Path) -> None:
    """Removes the large files of a promotion; the converter's log stays."""
    work_dir.mkdir(parents=True, exist_ok=True)
    forget_build(work_dir)
    for folder in work_dir.glob("merged*"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in work_dir.glob("model*.gguf"):
        file.unlink()
