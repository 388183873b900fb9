"""A config so small that a step on real tensors takes no time, and one like those that users have."""

from sweeper.memory.base_config import BaseConfig

SMALL = BaseConfig.of(
    {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 160,
        "vocab_size": 512,
        "tie_word_embeddings": False,
        "max_position_embeddings": 4096,
    }
)
