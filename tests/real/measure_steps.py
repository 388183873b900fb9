"""Measures each step of a promotion of SmolLM2: `python -m tests.real.measure_steps`.

Five cases of up to 20 tokens, one thread everywhere, at f16, q8_0 and q4_K_M in both Ollamas. Prints the CPU
seconds of all processes together (the converter's and Ollama's too), which other programs on the machine
change little, the wall seconds, and how large our process has been so far.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import psutil
from transformers import AutoModelForCausalLM

from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.models.reference import resolve_base
from sweeper.models.skeleton import skeleton_of
from sweeper.models.tokenizer import load_tokenizer
from sweeper.promote.build import build
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.publish import publish
from sweeper.promote.record import Record
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient
from tests.real.conftest import SMOLLM2
from tests.real.ollama_server import OLDER, VERSION, ollama_build, ollama_server
from tests.real.smol import LENIENT, LIVE, QUANTIZED, SUITE, new_record, save_adapter

_plain_step = Record.step


@contextlib.contextmanager
def _measured_step(record: Record, name: str) -> Iterator[None]:
    before = _cpu_seconds()
    with _plain_step(record, name):
        yield
    cpu, wall, peak = _cpu_seconds() - before, record.step_seconds[name], record.step_peak_bytes[name]
    print(f"{name}: {cpu:.1f} s of CPU, {wall:.1f} s by the clock, peak {peak / 1e9:.2f} GB", flush=True)


def _cpu_seconds() -> float:
    """Of our process, its children, and those of them that have ended."""
    us = psutil.Process()
    times = [process.cpu_times() for process in (us, *us.children(recursive=True))]
    seconds: float = sum(t.user + t.system + t.children_user + t.children_system for t in times)
    return seconds


def _request(folder: Path) -> PromotionRequest:
    """The adapter is made on random weights: the base is loaded by the promotion alone."""
    reference = resolve_base(SMOLLM2, Path.cwd())
    model = AutoModelForCausalLM.from_config(skeleton_of(reference).config).eval()
    adapter = save_adapter(Base(reference, model, load_tokenizer(reference)), folder / "adapter")
    return PromotionRequest(reference, adapter, SUITE, LENIENT, LIVE, folder / "work", folder / "reports")


def main() -> None:
    os.environ["PATH"] = f"{ollama_build() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(Record, "step", _measured_step):
        request = _request(Path(folder))
        built = build(request, Record(parse_model_name(LIVE), lambda step, share: None))
        for version in (OLDER, VERSION):
            print(f"Ollama {version}")
            store = Path(folder) / version
            store.mkdir()
            with ollama_server(store, version) as host:
                client = OllamaClient.connect(host)
                record = new_record(client, LIVE, ("f16", *QUANTIZED))
                try:
                    publish(built, SUITE, LENIENT, client, record)
                except ProofError as error:
                    print(f"refused: {error}")


if __name__ == "__main__":
    main()
