"""What a base model is made of, from its configuration alone: no weights are read."""

from sweeper.models.reference import BaseReference


def linear_layer_shapes(reference: BaseReference) -> dict[str, tuple[int, int]]:
    """All linear layers but the output head, as the engine names them: how many inputs and outputs each has.

    Not covered: layers that a model builds in another class than nn.Linear (GPT-2's Conv1D).
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from_gguf = {"gguf_file": reference.gguf_file} if reference.gguf_file else {}
    config = AutoConfig.from_pretrained(reference.source, **from_gguf)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    return {
        name: (module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
