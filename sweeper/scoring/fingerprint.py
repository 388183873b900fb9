"""Hashes that tell models and suites apart, wherever their files lie."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.models.reference import BaseReference
from sweeper.scoring.assertions.registry import SCORER_VERSION
from sweeper.scoring.suite import Assertion, Suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sweeper.training.slot_linear import LoraWeights

_SAMPLE_BYTES = 1 << 20


def suite_fingerprint(suite: Suite) -> str:
    """Of all that decides a score on `suite`: cases, assertions, scorers and decoding.

    Neither its name nor its place counts, and a python scorer counts by its file's content.
    """
    plain = dataclasses.asdict(suite)
    del plain["name"], plain["path"]
    harness = plain.pop("harness")
    if harness is not None:  # a suite of cases is known as it was before there were others
        plain["harness"] = {**harness, "tasks": [Path(task).name for task in harness["tasks"]]}
    plain["scorer_version"] = SCORER_VERSION
    for case, written in zip(suite.cases, plain["cases"], strict=True):
        written["assertions"] = [_plain_assertion(assertion) for assertion in case.checks]
    return _hash_json(plain)


def base_fingerprint(reference: BaseReference, model: "PreTrainedModel") -> str:
    """Of a base as it is loaded. Files on disk count by name, size, time of change, and their first and
    last megabyte, for reading all of a large model takes minutes; a hub id by its commit."""
    precision = [str(model.dtype), model.device.type, str(getattr(model.config, "quantization_config", None))]
    path = reference.gguf_path or Path(reference.source)
    if not path.exists():
        return _hash_json([reference.source, getattr(model.config, "_commit_hash", None), precision])
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.is_file())
    return _hash_json([[_file_key(each) for each in files], precision])


def adapter_fingerprint(adapter: Mapping[str, "LoraWeights"] | None) -> str:
    """Of an adapter's weights and scaling, the same in memory and read back; "" for none."""
    if adapter is None:
        return ""
    digest = hashlib.sha256()
    for piece in _adapter_pieces(adapter):
        digest.update(piece)
    return digest.hexdigest()


def answers_key(base: str, adapter: str, prompts: list[str], decoding: list[Any]) -> str:
    """Of all that decides the answers: the model, what it reads, and how it is decoded."""
    return _hash_json([base, adapter, prompts, decoding])


def _adapter_pieces(adapter: Mapping[str, "LoraWeights"]) -> Iterator[bytes]:
    for name in sorted(adapter):
        weights = adapter[name]
        yield json.dumps([name, list(weights.lora_a.shape), weights.scaling]).encode()
        for matrix in (weights.lora_a, weights.lora_b):
            yield matrix.detach().float().cpu().contiguous().numpy().tobytes()


def _plain_assertion(assertion: Assertion) -> dict[str, Any]:
    plain = dataclasses.asdict(assertion)
    if assertion.type == "python":
        content = hashlib.sha256(Path(assertion.value["file"]).read_bytes()).hexdigest()
        plain["value"] = {**assertion.value, "file": content}
    return plain


def _file_key(path: Path) -> list[Any]:
    stat = path.stat()
    with open(path, "rb") as file:
        sample = file.read(_SAMPLE_BYTES)
        file.seek(max(stat.st_size - _SAMPLE_BYTES, 0))
        sample += file.read(_SAMPLE_BYTES)
    return [path.name, stat.st_size, stat.st_mtime_ns, hashlib.sha256(sample).hexdigest()]


def _hash_json(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
