"""From an adapter to proven .gguf files, in the form that is asked for. Ollama is not touched here."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sweeper.data.template import template_of
from sweeper.models.load import Base, load_base
from sweeper.models.reference import BaseReference
from sweeper.promote.adapter import LoraAdapter, read_adapter
from sweeper.promote.adapter_form import ADAPTER_FILE, adapter_files
from sweeper.promote.converter import convert_to_gguf, find_converter
from sweeper.promote.disk import refuse_small_work_disk
from sweeper.promote.file_hashes import file_hashes
from sweeper.promote.form_files import FormFiles, MakeFiles
from sweeper.promote.gguf_vocabulary import adds_bos, is_sentencepiece, prove_vocabulary, stop_adding_bos
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.merge import MergeBase, loaded_base, merge_adapter, save_tokenizer, stored_base
from sweeper.promote.merge_proofs import prove_merge
from sweeper.promote.ollama_prompt import PromptOption, guard_chat_template, prompt_options
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.prompts import Prompt, case_prompts, probe_prompts
from sweeper.promote.record import Record
from sweeper.promote.same_base import refuse_changed_base
from sweeper.promote.token_ids import prove_token_ids
from sweeper.scoring.generate import end_token_ids
from sweeper.serving.llama_server import find_llama_server, llama_server
from sweeper.space.promote_settings import Form

_LOGIT_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class Built:
    """All that putting the model into Ollama needs. `bos` is the begin-of-text token's text.

    `merged` is what Ollama is held against: the merged model, or base and adapter under PEFT where
    `adapter_gguf` is a file of its own; `whose` names it. `cases` are the suite's prompts in order,
    `probes` others that Ollama must render as wanted.
    """

    gguf: Path
    merged: GreedyModel
    cases: tuple[Prompt, ...]
    probes: tuple[Prompt, ...]
    options: tuple[PromptOption, ...]
    bos: str | None
    context_length: int | None
    adapter_gguf: Path | None = None
    whose: str = "merged model's"


def build(request: PromotionRequest, record: Record) -> Built:
    """Makes the files of the form that is asked for, and proves them. Raises ProofError where what they
    hold is another model.

    Files of an earlier promotion in `work_dir` are replaced. Raises InputError, SweepError and
    UnavailableError as its steps do.
    """
    clear_work(request.work_dir)
    adapter = read_adapter(request.adapter)
    if request.lineage is not None:
        with record.step("compare base"):
            refuse_changed_base(_reference(request.base), request.lineage.base_sha256)
    with record.step("find converter"):
        converter = find_converter(request.converter)
    made = _FORMS[request.settings.form](request, adapter, converter, record)
    base, gguf = made.base, made.gguf
    template = template_of(base.tokenizer, request.chat_template)
    system = request.settings.system
    cases = case_prompts(template, request.suite, system)
    if (source := base.reference.gguf_path) is not None:
        record.prove([prove_vocabulary(source, gguf)])
    bos = template.tokenizer.bos_token
    if adds_bos(gguf) and not (bos and cases[0].text.startswith(bos)):
        stop_adding_bos(gguf)
    _prove_token_ids(base, gguf, request.work_dir / "llama-server.log", record)
    record.gguf_sha256, record.gguf_md5 = file_hashes(gguf)
    return Built(
        gguf,
        made.reference,
        tuple(cases),
        tuple(probe_prompts(template, system)),
        tuple(prompt_options(template, adds_bos(gguf))),
        bos,
        getattr(base.model.config, "max_position_embeddings", None),
        made.adapter_gguf,
        made.whose,
    )


def merged_files(
    request: PromotionRequest, adapter: LoraAdapter, converter: Path, record: Record
) -> FormFiles:
    """Merges, proves the merge, converts."""
    folder, gguf = request.work_dir / "merged", request.work_dir / "model.gguf"
    base = _merge(request, adapter, folder, record)
    template = template_of(base.tokenizer, request.chat_template)
    cases = case_prompts(template, request.suite, request.settings.system)
    save_tokenizer(base.tokenizer, folder)
    with record.step("prove merge"):
        merged = load_merged(folder, base, request.suite.max_new_tokens)
        tokens = [prompt.token_ids for prompt in cases[:_LOGIT_PROMPTS]]
        record.prove(prove_merge(base, request.adapter, merged.model, tokens))
    with record.step("convert to GGUF"):
        guard_chat_template(folder)
        convert_to_gguf(converter, folder, gguf, request.work_dir / "converter.log")
        record.gguf_bytes = gguf.stat().st_size
    return FormFiles(base, gguf, merged, "merged model's")


_FORMS: dict[Form, MakeFiles] = {"merged": merged_files, "adapter": adapter_files}


def _merge(request: PromotionRequest, adapter: LoraAdapter, folder: Path, record: Record) -> Base:
    """Gives the base, loaded: before the merge only where its files cannot be read tensor by tensor."""
    stored = None
    if isinstance(request.base, Base):
        base = request.base
    else:
        if (stored := stored_base(request.base)) is not None:
            _write_merged(stored, adapter, folder, record)
        with record.step("load base"):
            base = load_base(request.base)
    if stored is None:
        _write_merged(loaded_base(base), adapter, folder, record)
    return base


def _reference(base: Base | BaseReference) -> BaseReference:
    return base.reference if isinstance(base, Base) else base


def _write_merged(source: MergeBase, adapter: LoraAdapter, folder: Path, record: Record) -> None:
    refuse_small_work_disk(source.structure.num_parameters(), folder.parent)
    with record.step("merge"):
        merge_adapter(source, adapter, folder)


def _prove_token_ids(base: Base, gguf: Path, log: Path, record: Record) -> None:
    """Where llama.cpp's server is on this machine; else the token counts must do, as the record tells."""
    program = find_llama_server()
    if program is None:
        record.missing.append("llama-server on this machine, for token ids")
        return
    with record.step("token ids"), llama_server(program, gguf, log) as server:
        record.prove([prove_token_ids(base.tokenizer, server.token_ids, is_sentencepiece(gguf))])


def load_merged(folder: Path, base: Base, max_new_tokens: int) -> GreedyModel:
    """The merged model as its folder gives it: f16 weights, computed in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    template = template_of(base.tokenizer)
    return GreedyModel(model, base.tokenizer, end_token_ids(model, template), max_new_tokens)


def clear_work(work_dir: Path) -> None:
    """Removes the large files of a promotion; the converter's log stays."""
    work_dir.mkdir(parents=True, exist_ok=True)
    for name in ("adapter", "bases"):
        shutil.rmtree(work_dir / name, ignore_errors=True)
    (work_dir / ADAPTER_FILE).unlink(missing_ok=True)
    shutil.rmtree(work_dir / "merged", ignore_errors=True)
    (work_dir / "model.gguf").unlink(missing_ok=True)
