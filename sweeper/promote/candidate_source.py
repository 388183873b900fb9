"""What a candidate is made of in Ollama: an uploaded file, or a base that is there already and an adapter."""

from pathlib import Path
from typing import Any

from sweeper.errors import ProofError
from sweeper.promote.build import Built
from sweeper.promote.file_hashes import sha256_of
from sweeper.promote.record import Record
from sweeper.serving.ollama import OllamaClient

_BASE = "sweeper-base"
_SHORT = 12


def base_name(gguf_sha256: str) -> str:
    """The name in Ollama under which a base is kept, whole and untuned, for the adapters that share it.

    A file that no name has would go at the server's next start, and have to be sent again.
    """
    return f"{_BASE}:{gguf_sha256[:_SHORT]}"


def has_base(built: Built, client: OllamaClient, record: Record) -> bool:
    """Whether the server has the base already, so that the adapter alone has to be sent."""
    return built.adapter_gguf is not None and client.digest(base_name(record.gguf_sha256)) is not None


def upload_source(built: Built, client: OllamaClient, record: Record) -> dict[str, Any]:
    """Sends what the server lacks. Gives what OllamaClient.create makes the candidate of.

    Raises ProofError where a file is another one than its conversion made; then it is not sent.
    """
    record.gguf_sha256 = record.gguf_sha256 or sha256_of(built.gguf)
    if built.adapter_gguf is None:
        return {"file_digest": _upload(built.gguf, record.gguf_sha256, client, record)}
    record.adapter_gguf_sha256 = record.adapter_gguf_sha256 or sha256_of(built.adapter_gguf)
    adapter = _upload(built.adapter_gguf, record.adapter_gguf_sha256, client, record)
    name = base_name(record.gguf_sha256)
    if not has_base(built, client, record):
        client.create(name, file_digest=_upload(built.gguf, record.gguf_sha256, client, record))
    return {"from_model": name, "adapter_digest": adapter}


def _upload(path: Path, made_sha256: str, client: OllamaClient, record: Record) -> str:
    refuse_changed_file(sha256_of(path), made_sha256)
    digest = client.upload(path, lambda share: record.progress("upload", share))
    refuse_changed_file(digest.removeprefix("sha256:"), made_sha256)
    return digest


def refuse_changed_file(sha256: str, made_sha256: str) -> None:
    """Raises ProofError where a file is another one than its conversion made."""
    if sha256 != made_sha256:
        raise ProofError(
            f"the GGUF changed between its conversion (sha256 {made_sha256[:_SHORT]}...) and its upload "
            f"({sha256[:_SHORT]}...); the next promotion makes it again"
        )
