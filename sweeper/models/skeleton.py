"""What a base model is made of, from its configuration alone: no weights are read."""

from typing import TYPE_CHECKING

from sweeper.models.reference import BaseReference

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def skeleton_of(reference: BaseReference) -> "PreTrainedModel":
    """The model on torch's meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from_gguf = {"gguf_file": reference.gguf_file} if reference.gguf_file else {}
    config = AutoConfig.from_pretrained(reference.source, **from_gguf)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


def linear_layer_shapes(reference: BaseReference) -> dict[str, tuple[int, int]]:
    """All linear layers but the output head, as the engine names them: how many inputs and outputs each has.

    Not covered: layers that a model builds in another class than nn.Linear (GPT-2's Conv1D).
    """
    import torch

    model = skeleton_of(reference)
    head = model.get_output_embeddings()
    return {
        name: (module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
