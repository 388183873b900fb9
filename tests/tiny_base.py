"""A base model small enough to sweep over in a unit test: a folder with weights and a tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

WORDS = ["red", "blue", "green", "cat", "dog", "bird", "one", "two", "three"]


def save_tiny_base(folder: Path, vocab_size: int | None = None) -> Path:
    """Saves a two-layer Llama with random weights and a byte-level tokenizer; no chat template.

    A `vocab_size` above the tokenizer's makes its logits large.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([f"Say the colour of {word} again" for word in WORDS], trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size or len(wrapped),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            initializer_range=0.1,
            eos_token_id=wrapped.eos_token_id,
            bos_token_id=None,
            pad_token_id=wrapped.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder


def save_tiny_space(
    folder: Path, trials: int = 3, search: Mapping[str, object] | None = None, **changes: object
) -> Path:
    """A space over the tiny base with its rows and cases, all in `folder`.

    `search` is laid over its search section, which stops no trial; `changes` over its parameters.
    """
    save_tiny_base(folder / "base")
    rows = [{"instruction": "Repeat.", "input": word, "output": word} for word in WORDS]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:4]))
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[4:]))
    parameters: dict[str, object] = {
        "learning_rate": {"min": 1e-3, "max": 1e-1, "log": True},
        "lora_rank": {"values": [2, 4]},
        "effective_batch_size": 4,
        "max_seq_length": 64,
        "num_train_epochs": 2,
        **changes,
    }
    space = {
        "name": "tiny",
        "model": {"base": "./base", "dtype": "float32"},  # the same scores on any machine
        "data": {"train": "train.jsonl"},
        "parameters": parameters,
        "search": {"trials": trials, "seed": 1, "pruner": "none", **(search or {})},
        "evaluation": {"dev": "dev.jsonl", "test": "test.jsonl", "guard": "none"},
    }
    path = folder / "space.yaml"
    path.write_text(json.dumps(space))  # JSON is YAML
    return path
