"""sweeper finds the best LoRA fine-tune that fits your GPU."""
