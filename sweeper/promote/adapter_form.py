"""The form `adapter`: the base's file as many promotions share it, and a small one with the adapter."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.models.load import Base, load_base
from sweeper.models.weight_files import weights_sha256
from sweeper.promote.adapter_proofs import prove_adapter
from sweeper.promote.converter import convert_adapter_to_gguf
from sweeper.promote.file_hashes import sha256_of
from sweeper.promote.file_names import ADAPTER_GGUF
from sweeper.promote.finished_gguf import finish_gguf
from sweeper.promote.form_files import FormFiles, FormInputs
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.plain_adapter import write_plain_adapter
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.record import Record
from sweeper.promote.sdist import cache_root
from sweeper.promote.shared_base import SharedBase, shared_base
from sweeper.promote.work_dir import clear_work
from sweeper.scoring.generate import end_token_ids

if TYPE_CHECKING:
    from peft import PeftModel

WHOSE = "base + adapter's by PEFT"


def shared_bases() -> Path:
    """Where the bases' files are kept. What lies there is made again where it is missing."""
    return cache_root() / "bases"


def adapter_files(request: PromotionRequest, inputs: FormInputs, record: Record) -> FormFiles:
    """Nothing is merged: what Ollama answers is held against PEFT on the base, rounded to f16 as its file
    has it.

    Files of an earlier promotion in `work_dir` are replaced. A base that was given loaded is left so,
    with the adapter around it.
    """
    clear_work(request.work_dir)
    base, template = _loaded(request, record), inputs.template
    with record.step("base to GGUF"):
        shared = _shared(request, base, inputs)
    finish_gguf(request, inputs, shared.gguf, record)
    written, gguf = request.work_dir / "adapter", request.work_dir / ADAPTER_GGUF
    with record.step("adapter to GGUF"):
        write_plain_adapter(inputs.adapter, request.adapter, written)
        log = request.work_dir / "adapter-converter.log"
        convert_adapter_to_gguf(inputs.converter, written, shared.folder, gguf, log)
        record.adapter_gguf_bytes, record.adapter_gguf_sha256 = gguf.stat().st_size, sha256_of(gguf)
    with record.step("prove adapter"):
        adapted = _adapted(base, request.adapter)
        record.prove(prove_adapter(adapted, written, gguf))
    end_ids = end_token_ids(base.model, template)
    model: Any = adapted
    reference = GreedyModel(model, template.tokenizer, end_ids, request.suite.max_new_tokens)
    return FormFiles(shared.gguf, reference, WHOSE, gguf)


def _loaded(request: PromotionRequest, record: Record) -> Base:
    if isinstance(request.base, Base):
        return request.base
    with record.step("load base"):
        return load_base(request.base)


def _shared(request: PromotionRequest, base: Base, inputs: FormInputs) -> SharedBase:
    """A base whose weights have no hash is not kept from one promotion to the next."""
    sha256 = inputs.base_sha256 or weights_sha256(base.reference)
    cache = shared_bases() if sha256 else request.work_dir / "bases"
    bos = inputs.template.tokenizer.bos_token
    has_own_bos = bool(bos) and inputs.cases[0].text.startswith(bos)
    log = request.work_dir / "converter.log"
    return shared_base(base, sha256, has_own_bos, inputs.converter, cache, log)


def _adapted(base: Base, adapter: Path) -> "PeftModel":
    """Not rounded, the untouched base lies 0.0057 nats from its own f16 file, and 0.0043 where it is: what
    f16 costs would hide a part of what the log probabilities are to see."""
    import torch
    from peft import PeftModel

    with torch.no_grad():
        for parameter in base.model.parameters():
            parameter.copy_(parameter.to(torch.float16))
    return PeftModel.from_pretrained(base.model, str(adapter)).eval()
