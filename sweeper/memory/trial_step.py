"""The step that decides a trial's memory, from its parameters, its rows and how its base is held."""

from typing import cast

from sweeper.memory.heaviest import RowSizes, heaviest_micro_batch
from sweeper.memory.settings import BaseSettings, EngineStep, Optim
from sweeper.space.trial_config import TrialConfig
from sweeper.training.layouts import BaseShape, layout_of_trial


def trial_step(
    config: TrialConfig,
    sizes: RowSizes,
    seed: int,
    base: BaseSettings,
    shape: BaseShape,
    micro_batch_size: int,
) -> EngineStep:
    """The heaviest step of a trial that trains alone, in the layout that its worker will choose.

    Not covered: early in training AdamW's state is not there yet; it is counted from the first step on.
    """
    layout = layout_of_trial(
        config, sizes.lengths, sizes.prompts, sizes.shared_prefix, shape, micro_batch_size
    )
    heaviest = heaviest_micro_batch(sizes, config, seed, micro_batch_size, layout)
    labels_a_row = -(-heaviest.labels // heaviest.rows)
    return EngineStep(
        base=base,
        layout=layout,
        micro_batch_size=heaviest.rows,
        seq_length=heaviest.tokens,
        prompt_length=max(1, heaviest.tokens - labels_a_row),
        lora_rank=config.lora_rank,
        target_modules=config.target_modules,
        lora_dropout=config.lora_dropout,
        optim=cast(Optim, config.optim),
        gradient_checkpointing=bool(config.gradient_checkpointing),
    )
