"""Shapes of models that people fine-tune, from what their makers publish."""

from sweeper.memory.base_config import BaseConfig

_SHAPES: dict[str, dict[str, object]] = {
    "deepseek-llm-7b": {
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 30, "num_attention_heads": 32,
        "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 102400,
        "tie_word_embeddings": False, "max_position_embeddings": 4096,
    },
    "Llama-3.1-8B": {
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
        "tie_word_embeddings": False, "max_position_embeddings": 131072,
    },
    "Qwen3-8B": {
        "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
        "tie_word_embeddings": False, "max_position_embeddings": 40960,
    },
    "Gemma-2-9B": {
        "model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 256, "intermediate_size": 14336, "vocab_size": 256000,
        "tie_word_embeddings": True, "sliding_window": 4096, "max_position_embeddings": 8192,
    },
    "Mistral-7B-v0.1": {
        "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
        "tie_word_embeddings": False, "sliding_window": 4096, "max_position_embeddings": 32768,
    },
    "Mistral-7B-v0.3": {
        "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32768,
        "tie_word_embeddings": False, "sliding_window": None, "max_position_embeddings": 32768,
    },
}  # fmt: skip

KNOWN_MODELS = {name: BaseConfig.of(shape) for name, shape in _SHAPES.items()}
"""By name; enough of each config.json to build the model."""

PARAMETERS = {
    "deepseek-llm-7b": 6_910_365_696,
    "Llama-3.1-8B": 8_030_261_248,
    "Qwen3-8B": 8_190_735_360,
    "Gemma-2-9B": 9_241_705_984,
    "Mistral-7B-v0.1": 7_241_732_096,
    "Mistral-7B-v0.3": 7_248_023_552,
}
"""Their published parameter counts."""

HUB_IDS = {
    "Qwen/Qwen3-8B": "Qwen3-8B",
    "meta-llama/Llama-3.1-8B-Instruct": "Llama-3.1-8B",
    "mistralai/Mistral-7B-Instruct-v0.3": "Mistral-7B-v0.3",
}
"""Where the spaces in search_spaces/ find them."""
