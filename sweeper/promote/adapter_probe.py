"""Asks a server whether it answers with an adapter, by a model of some 50 kB that says "a" without and "b"
with one.

No version says it for sure: an Ollama that does not know adapters leaves them out and says nothing. What
is asked is Llama's engine. Not covered: before 0.30 some architectures (Gemma 3 is one) ran in another,
which ends with "loras are not yet implemented" when the candidate is first asked.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.errors import SweepError, UnavailableError
from sweeper.serving.ollama import OllamaClient

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter

_PLAIN, _ADAPTED = "sweeper-probe:plain", "sweeper-probe:adapted"
_WIDTH = 32
_SPECIAL = ("<unk>", "<s>", "</s>")
_TOKENS = (*_SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), "a", "b")
_TYPES = (2, 3, 3, *[6] * 256, 1, 1)
"""llama.cpp's kinds of tokens: unknown, control, byte, normal."""
_NORMS = ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm")
_ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output")


def takes_adapters(client: OllamaClient) -> bool:
    """Makes two models, asks each for one token, and removes them again."""
    try:
        return _answers(client) == ["a", "b"]
    except SweepError:
        return False
    finally:
        for name in (_PLAIN, _ADAPTED):
            client.delete(name)


def refuse_without_adapters(client: OllamaClient) -> None:
    """Raises UnavailableError where the server does not answer with an adapter."""
    if not takes_adapters(client):
        raise UnavailableError(
            f"Ollama at {client.url} does not answer with adapters: write `form: merged`, or upgrade it."
        )


def _answers(client: OllamaClient) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        model, adapter = Path(folder) / "probe.gguf", Path(folder) / "adapter.gguf"
        _write_model(model)
        _write_adapter(adapter)
        client.create(_PLAIN, file_digest=client.upload(model), template="{{ .Prompt }}")
        client.create(_ADAPTED, from_model=_PLAIN, adapter_digest=client.upload(adapter))
    options = {"temperature": 0.0, "num_predict": 1, "num_ctx": 64, "num_thread": 1}
    asked = [{"role": "user", "content": "a"}]
    return [client.chat(name, asked, options).content.strip() for name in (_PLAIN, _ADAPTED)]


def _write_model(path: Path) -> None:
    """One layer whose residual stream is 1 everywhere, so that "a" is always the likeliest token."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH)
    writer.add_vocab_size(len(_TOKENS))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(_TOKENS))
    writer.add_token_scores([0.0] * len(_TOKENS))
    writer.add_token_types(list(_TYPES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    _write(writer, dict(_weights()))


def _weights() -> "Iterator[tuple[str, np.ndarray]]":
    import numpy as np

    square = np.zeros((_WIDTH, _WIDTH), np.float32)
    ones = np.ones(_WIDTH, np.float32)
    half = np.concatenate([ones[: _WIDTH // 2], 0 * ones[_WIDTH // 2 :]])
    output = np.zeros((len(_TOKENS), _WIDTH), np.float32)
    output[-2], output[-1] = half, 0.5 * (ones - half)
    yield from ((f"{name}.weight", ones) for name in _NORMS)
    yield from ((f"blk.0.{name}.weight", square) for name in (*_ATTENTION, "ffn_down"))
    yield from ((f"blk.0.{name}.weight", np.eye(_WIDTH, dtype=np.float32)) for name in ("ffn_gate", "ffn_up"))
    yield "token_embd.weight", np.ones((len(_TOKENS), _WIDTH), np.float32)
    yield "output.weight", output


def _write_adapter(path: Path) -> None:
    """Rank 1 on ffn_down: it raises the half of the stream that "b" looks at."""
    import numpy as np
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    raised = np.repeat(np.array([0, 10], np.float32), _WIDTH // 2)[:, None]
    _write(
        writer,
        {
            "blk.0.ffn_down.weight.lora_a": np.ones((1, _WIDTH), np.float32),
            "blk.0.ffn_down.weight.lora_b": np.ascontiguousarray(raised),
        },
    )


def _write(writer: "GGUFWriter", tensors: "dict[str, np.ndarray]") -> None:
    for name, value in tensors.items():
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
