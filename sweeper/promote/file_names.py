"""What the files of a promotion are called, in its work folder, beside a kept base, and in an export."""

MODEL_GGUF = "model.gguf"
"""The merged model in f16; of the form adapter the base."""
ADAPTER_GGUF = "adapter.gguf"
