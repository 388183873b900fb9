"""The form `merged`: one file of base and adapter together, taken up where an earlier run has built it."""

import gc
from pathlib import Path
from typing import Any

from sweeper.data.template import template_of
from sweeper.models.load import Base, load_base
from sweeper.models.tokenizer import load_tokenizer
from sweeper.models.weight_files import safetensors_files
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.converter import convert_to_gguf
from sweeper.promote.disk import refuse_small_work_disk
from sweeper.promote.file_names import MODEL_GGUF
from sweeper.promote.finished_gguf import finish_gguf, reference_of_base
from sweeper.promote.form_files import FormFiles, FormInputs
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.kept_build import build_key, keep_build, take_up_build
from sweeper.promote.merge import loaded_base, merge_adapter, save_tokenizer, stored_base
from sweeper.promote.merge_proofs import look_by_peft, prove_logits
from sweeper.promote.nf4 import load_nf4_exactly
from sweeper.promote.ollama_prompt import guard_chat_template
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.record import Record
from sweeper.promote.tensors import StoredTensors
from sweeper.promote.two_merges import merge_both_ways
from sweeper.promote.work_dir import clear_work
from sweeper.scoring.generate import end_token_ids

_LOGIT_PROMPTS = 4


def merged_files(request: PromotionRequest, inputs: FormInputs, record: Record) -> FormFiles:
    """Merges, proves the merge, converts.

    What an earlier promotion has built in `work_dir` is taken up if it is the same and each file has its
    hash; else it is replaced.
    """
    folder, gguf = request.work_dir / "merged", request.work_dir / MODEL_GGUF
    tokenizer, length = inputs.template.tokenizer, request.suite.max_new_tokens
    key = build_key(request, reference_of_base(request.base), inputs.base_sha256, inputs.converter)
    if take_up_build(request.work_dir, key, record):
        merged = load_merged(folder, tokenizer, length)
    else:
        clear_work(request.work_dir)
        proofs = len(record.proofs)
        merged = _proven_merge(request, inputs, folder, record)
        with record.step("convert to GGUF"):
            guard_chat_template(folder)
            convert_to_gguf(inputs.converter, folder, gguf, request.work_dir / "converter.log")
        finish_gguf(request, inputs, gguf, record)
        keep_build(request.work_dir, key, record, proofs)
    return FormFiles(gguf, merged, "merged model's")


def _proven_merge(request: PromotionRequest, inputs: FormInputs, folder: Path, record: Record) -> GreedyModel:
    """One of the two models is in memory at a time: of the base its logits are kept."""
    base = _merge(request, inputs.adapter, folder, record)
    tokenizer = inputs.template.tokenizer
    save_tokenizer(tokenizer, folder)
    with record.step("prove merge"):
        tokens = [prompt.token_ids for prompt in inputs.cases[:_LOGIT_PROMPTS]]
        stored = StoredTensors(safetensors_files(folder))
        by_peft = look_by_peft(base, request.adapter, stored, tokens)
        del base
        gc.collect()  # PEFT's model and its layers know each other
        merged = load_merged(folder, tokenizer, request.suite.max_new_tokens)
        record.prove([by_peft.weights, prove_logits(by_peft.logits, merged.model, tokens)])
    return merged


def _merge(request: PromotionRequest, adapter: LoraAdapter, folder: Path, record: Record) -> Base:
    """Gives the base that the merge is proven against, loaded: before the merge only where its files
    cannot be read tensor by tensor."""
    reference = reference_of_base(request.base)
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


def load_merged(folder: Path, tokenizer: Any, max_new_tokens: int) -> GreedyModel:
    """The merged model as its folder gives it: f16 weights, computed in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).requires_grad_(False).eval()
    return GreedyModel(model, tokenizer, end_token_ids(model, template_of(tokenizer)), max_new_tokens)
