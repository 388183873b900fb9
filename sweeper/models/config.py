"""A base model's config alone, without its weights."""

import logging
from typing import Any

from sweeper.errors import InputError, UnavailableError
from sweeper.models.reference import BaseReference


def read_config(reference: BaseReference) -> dict[str, Any]:
    """The content of config.json, or what stands for it in a GGUF's header.

    Raises InputError for a config that transformers does not know, UnavailableError for a hub id that
    is neither cached nor to be had.
    """
    from transformers import AutoConfig

    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # it tells each of its retries
    named = {"gguf_file": reference.gguf_file} if reference.gguf_file else {}
    try:
        config = AutoConfig.from_pretrained(reference.source, **named)
    except OSError as error:
        if "gated" in str(error):
            raise UnavailableError(
                f"{reference.text}: its maker wants to be asked first. "
                "Accept the terms on the model's page, then `hf auth login`."
            ) from None
        raise UnavailableError(
            f"{reference.text}: its config.json is neither in the cache nor to be had from the hub. "
            "Name a folder that holds the config.json, or go online."
        ) from None
    except (ValueError, KeyError) as error:
        raise InputError(
            reference.text,
            f"transformers cannot read its config ({str(error).splitlines()[0][:120]})",
            "Check config.json: it needs at least a model_type",
        ) from None
    values: dict[str, Any] = config.to_diff_dict()
    if not hasattr(config.get_text_config(), "num_hidden_layers"):
        raise InputError(
            reference.text, "this config is of no language model", "Name a causal language model"
        )
    return {**values, "model_type": config.model_type}
