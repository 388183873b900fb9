"""What every .gguf goes through behind its converter, whichever model is in it."""

from pathlib import Path
from typing import Any

from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.promote.file_hashes import file_hashes
from sweeper.promote.form_files import FormInputs
from sweeper.promote.gguf_vocabulary import adds_bos, is_sentencepiece, prove_vocabulary, stop_adding_bos
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.record import Record
from sweeper.promote.token_ids import prove_token_ids
from sweeper.serving.llama_server import find_llama_server, llama_server


def reference_of_base(base: Base | BaseReference) -> BaseReference:
    return base.reference if isinstance(base, Base) else base


def finish_gguf(request: PromotionRequest, inputs: FormInputs, gguf: Path, record: Record) -> None:
    """The begin-of-text token is fed once, token ids are the tokenizer's, and the file's hashes are known.

    Raises ProofError where llama.cpp reads texts in another way.
    """
    if (source := reference_of_base(request.base).gguf_path) is not None:
        record.prove([prove_vocabulary(source, gguf)])
    tokenizer = inputs.template.tokenizer
    bos = tokenizer.bos_token
    if adds_bos(gguf) and not (bos and inputs.cases[0].text.startswith(bos)):
        stop_adding_bos(gguf)
    record.gguf_bytes = gguf.stat().st_size
    record.tell(f"{record.gguf_bytes / 1e6:,.0f} MB")
    record.gguf_sha256, record.gguf_md5 = file_hashes(gguf)
    _prove_token_ids(tokenizer, gguf, request.work_dir / "llama-server.log", record)


def _prove_token_ids(tokenizer: Any, gguf: Path, log: Path, record: Record) -> None:
    """Where llama.cpp's server is on this machine; else the token counts must do, as the record tells."""
    program = find_llama_server()
    if program is None:
        record.missing.append("llama-server on this machine, for token ids")
        return
    with record.step("token ids"), llama_server(program, gguf, log) as server:
        record.prove([prove_token_ids(tokenizer, server.token_ids, is_sentencepiece(gguf))])
