"""How fast Hugging Face's Trainer with PEFT trains the same rows: seconds of a step, the first left out."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from sweeper.data.encode import EncodedRow
from sweeper.space.trial_config import TrialConfig
from tests.training.trainer_reference import padded


def trainer_step_seconds(
    model: Any, config: TrialConfig, rows: Sequence[EncodedRow], steps: int, autocast_bf16: bool
) -> float:
    """The median over `steps` optimizer steps of `config.effective_batch_size` rows in one micro-batch.

    `model` has a fresh adapter while it trains and is as it was afterwards. Rows go in their order and must
    be enough for one step more.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainerCallback, TrainingArguments

    times: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            times.append(time.perf_counter())

    lora = LoraConfig(
        r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    peft_model = get_peft_model(model, lora)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            bf16=autocast_bf16,
            train_sampling_strategy="sequential",
            per_device_train_batch_size=config.effective_batch_size,
            learning_rate=config.learning_rate,
            max_steps=steps + 1,
            logging_steps=10,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        features = [{"input_ids": list(row.input_ids), "labels": row.labels} for row in rows]
        Trainer(
            model=peft_model,
            args=arguments,
            train_dataset=features,
            data_collator=padded,
            callbacks=[Watch()],
        ).train()
    peft_model.unload()
    model.requires_grad_(False).eval()
    return statistics.median(end - start for start, end in itertools.pairwise(times))
