"""A tiny Llama with random weights, and random rows for it: enough structure for exactness tests."""

import random
from typing import Any

import torch

from sweeper.data.encode import EncodedRow

VOCABULARY = 96


def tiny_model(seed: int = 0, **changes: Any) -> Any:
    """Two layers, grouped-query attention, untied head; weights large enough for gradients to matter."""
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.2,
        "tie_word_embeddings": False,
    }
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**{**settings, **changes})).eval()


def sliding_window_model(vocab_size: int = VOCABULARY) -> Any:
    """A tiny Mistral that sees four tokens back: a mask of four dimensions takes that window's place."""
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.2,
        sliding_window=4,
    )
    return MistralForCausalLM(config).eval()


def random_rows(count: int, seed: int = 0, prefix: int = 6, longest: int = 12) -> list[EncodedRow]:
    """Rows that begin with the same `prefix` tokens and differ in length and in label count."""
    draw = random.Random(seed)
    shared = [draw.randrange(VOCABULARY) for _ in range(prefix)]
    rows = []
    for _ in range(count):
        prompt = [*shared, *(draw.randrange(VOCABULARY) for _ in range(draw.randint(1, longest)))]
        answer = [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, longest))]
        rows.append(EncodedRow((*prompt, *answer), len(prompt)))
    return rows


def random_chats(count: int, seed: int = 0, prefix: int = 6, longest: int = 8) -> list[EncodedRow]:
    """Rows of one to four turns of both sides behind a shared `prefix`; the answers alone are trained."""
    draw = random.Random(seed)
    shared = [draw.randrange(VOCABULARY) for _ in range(prefix)]
    rows = []
    for _ in range(count):
        ids, spans = list(shared), []
        for _ in range(draw.randint(1, 4)):
            ids += [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, longest))]
            answer = [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, longest))]
            spans.append((len(ids), len(ids) + len(answer)))
            ids += answer
        rows.append(EncodedRow.with_trained(ids, spans))
    return rows
