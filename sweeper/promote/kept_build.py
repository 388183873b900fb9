"""What an earlier promotion built and did not get into Ollama, found again by hash.

A promotion that was killed, or refused by Ollama, leaves its merged model and its .gguf behind. The next
one of the same trial takes them up if each file has the hash that it had when all was proven. What was
truncated or altered since is made again.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import model_folder
from sweeper.promote.file_hashes import sha256_of
from sweeper.promote.file_names import MODEL_GGUF
from sweeper.promote.merge_choice import MergeChoice, OnDev
from sweeper.promote.promotion import PromotionRequest, write_json
from sweeper.promote.proofs import Proof
from sweeper.promote.record import Record

_FILE = "built.json"
_BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.txt")
"""Of a model folder: its config, its tokenizer, its chat template."""


def build_key(request: PromotionRequest, reference: BaseReference, base_sha256: str, converter: Path) -> str:
    """Of all that decides what is built, our own code included; "" where the base's hash is not known."""
    if not base_sha256:
        return ""
    folder = None if reference.gguf_file else model_folder(reference)
    beside = [path for pattern in _BESIDE_WEIGHTS for path in sorted(folder.glob(pattern))] if folder else []
    files = [
        *(request.adapter / name for name in ("adapter_config.json", "adapter_model.safetensors")),
        *(converter, *beside, *sorted(Path(__file__).parent.glob("*.py"))),
    ]
    parts = [base_sha256, request.chat_template, repr(request.nf4), *map(sha256_of, files)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep_build(work_dir: Path, key: str, record: Record, proofs: int) -> None:
    """Writes down what lies in `work_dir`. `proofs` of the record were there before the build began."""
    if not key:
        return
    kept = {
        "key": key,
        "files": {MODEL_GGUF: record.gguf_sha256, **_merged_hashes(work_dir)},
        "md5": record.gguf_md5,
        "proofs": [dataclasses.asdict(proof) for proof in record.proofs[proofs:]],
        "missing": record.missing,
        "merge": None if record.merge is None else dataclasses.asdict(record.merge),
    }
    write_json(kept, work_dir / _FILE)


def take_up_build(work_dir: Path, key: str, record: Record) -> bool:
    """Whether `work_dir` holds what `key` would build, as it was; `record` then knows its proofs.

    A file that is not as it was is told by the record's progress.
    """
    kept = _read(work_dir / _FILE)
    if not key or kept.get("key") != key:
        return False
    for name, sha256 in kept["files"].items():
        if (change := _change(work_dir / name, sha256)) is not None:
            record.progress(f"{name} of an earlier run {change}: made again", None)
            return False
    record.progress("take up what an earlier run has built", None)
    record.proofs += [Proof(**proof) for proof in kept["proofs"]]
    record.missing += kept["missing"]
    record.merge = _merge_choice(kept["merge"])
    record.gguf_bytes = (work_dir / MODEL_GGUF).stat().st_size
    record.gguf_sha256, record.gguf_md5 = kept["files"][MODEL_GGUF], kept["md5"]
    return True


def forget_build(work_dir: Path) -> None:
    (work_dir / _FILE).unlink(missing_ok=True)


def _merged_hashes(work_dir: Path) -> dict[str, str]:
    files = sorted(path for path in (work_dir / "merged").rglob("*") if path.is_file())
    return {str(path.relative_to(work_dir)): sha256_of(path) for path in files}


def _change(path: Path, sha256: str) -> str | None:
    if not path.is_file():
        return "is gone"
    now = sha256_of(path)
    return None if now == sha256 else f"was altered (sha256 {now[:12]}..., was {sha256[:12]}...)"


def _read(path: Path) -> dict[str, Any]:
    """Empty where there is none. Written whole or not at all, so what is there can be read."""
    if not path.is_file():
        return {}
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _merge_choice(kept: dict[str, Any] | None) -> MergeChoice | None:
    if kept is None:
        return None
    return MergeChoice(kept["taken"], OnDev(**kept["dequantised"]), OnDev(**kept["original"]))
