"""What a promotion must know of a sweep whose base is held in 4 bit."""

from typing import TYPE_CHECKING

from sweeper.home import Home
from sweeper.models.devices import precision_of
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.steering import steering_first, steering_objective
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.promote.merge_choice import Nf4Training


def nf4_training(home: Home, space: Space) -> "Nf4Training | None":
    """None where trials train on the base as it is."""
    if space.model.quantization != "nf4":
        return None
    from sweeper.promote.merge_choice import Nf4Training

    dev = space_suites(space).dev
    objective = steering_objective(space.search.objective, dev, space.path)
    return Nf4Training(precision_of(space), steering_first(objective, dev), objective, home.dequantised)
