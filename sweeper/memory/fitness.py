"""Whether a space fits the model and the rows at hand. Pure; told before a trial is spent."""

from collections.abc import Sequence

from sweeper.errors import InputError
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values
from sweeper.training.targets import target_layers


def refuse_unfit(
    space: Space, row_lengths: Sequence[int], prompt_lengths: Sequence[int], linear_layers: Sequence[str]
) -> None:
    """Raises InputError where some trial of `space` could not train: no labels left, no such layer.

    Lengths are in tokens, row by row; a prompt is the part of its row that is not trained.
    """
    shortest = min(float(str(value)) for value in extreme_values(space, "max_seq_length"))
    prompt, longest = min(prompt_lengths), max(row_lengths)
    if shortest <= prompt:
        raise InputError(
            f"{space.path}: parameters.max_seq_length",
            f"{shortest:g} tokens leave no row anything to train on: "
            f"the shortest prompt alone has {prompt}, the longest row {longest}",
            f"Let max_seq_length begin at {longest}, which cuts no row",
        )
    refuse_unknown_layers(space, linear_layers)


def refuse_unknown_layers(space: Space, linear_layers: Sequence[str]) -> None:
    """Raises InputError where some trial's target_modules name none of the model's linear layers."""
    for target_modules in extreme_values(space, "target_modules"):
        assert isinstance(target_modules, tuple)
        target_layers(target_modules, linear_layers)
