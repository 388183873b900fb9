"""The end of `sweep check` for a folder without a tokenizer: what a model's config.json alone tells."""

from rich.console import Console

from sweeper.models.precision import Precision
from sweeper.space.base import BaseReference
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values


def check_by_config(console: Console, space: Space, base: BaseReference, precision: Precision) -> None:
    """Shows what fits, with rows as long as the space lets them be: packing such rows saves nothing.

    Raises InputError where target_modules names no layer of the model. Not covered: what needs the
    tokenizer, such as the rows' lengths and what training will cost.
    """
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.check_lines import memory_lines
    from sweeper.memory.fitness import refuse_unknown_layers
    from sweeper.memory.settings import BaseSettings
    from sweeper.models.config import read_config
    from sweeper.models.skeleton import linear_layer_shapes

    config = BaseConfig.of(read_config(base))
    refuse_unknown_layers(space, tuple(linear_layer_shapes(base)))
    longest = max(int(str(value)) for value in extreme_values(space, "max_seq_length"))
    lines = [
        f"{base.text} holds no tokenizer: rows are taken as long as max_seq_length lets them be, "
        "with a label on every token.",
        precision.sentence(),
        *memory_lines(space, config, BaseSettings.of(precision), [longest], [1], "padded"),
        f"{space.name} holds to every rule that a config shows. To train, the whole model has to be here, "
        "with weights and tokenizer.",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False)
