"""A deep model's step from two shallow ones: its decoder layers repeat, so its memory grows evenly.

At any moment of a step the live bytes are an affine function of the number of layers, moment by
moment: forward has so many layers behind it, backward so many gradients. So a model cut to four layers
and one cut to five give a model of any depth, moment by moment and part by part, and the largest is
taken afterwards, never interpolated itself.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.replay import Replay, replay
from sweeper.memory.settings import Step

Moments = NDArray[np.int64]
"""Live bytes, shape [moments, parts], parts in the order of PARTS."""


@lru_cache(maxsize=4096)
def moments_of(config: BaseConfig, step: Step, warm: bool = True) -> Moments:
    """The moments of a step of the whole model, without those of layers in the middle.

    These lie between their neighbours of the same kind, so the peak is never among them alone. Where
    layers do not repeat, or the moments of both depths do not pair up, the whole model is replayed.
    """
    depth, period = config.layer_count, config.period
    if period is None:
        return whole_moments(config, step, warm)
    shallow = 2 * period + 2 + (depth - 2 * period - 2) % period
    if depth <= shallow + period:
        return whole_moments(config, step, warm)
    first = _ends(replay(config.with_layers(shallow), step, warm), range(0))
    middle = range(shallow - period - 1, shallow - 1)
    second = _ends(replay(config.with_layers(shallow + period), step, warm), middle)
    if first.shape != second.shape:
        return whole_moments(config, step, warm)
    moments: Moments = first + (second - first) * ((depth - shallow) // period)
    return moments


def whole_moments(config: BaseConfig, step: Step, warm: bool = True) -> Moments:
    """All moments of a replay at full depth."""
    return np.array(replay(config, step, warm).moments, dtype=np.int64)


def _ends(result: Replay, left_out: range) -> Moments:
    """Moments outside of the layers `left_out`; each optimizer step as its highest moment alone, for an
    optimizer makes its state parameter by parameter."""
    kept: list[tuple[int, ...]] = []
    before = ""
    for moment, (name, layer) in zip(result.moments, result.segments, strict=True):
        if name == "optimizer" and before == "optimizer":
            kept[-1] = max(kept[-1], moment, key=sum)
        elif layer not in left_out:
            kept.append(moment)
        before = name
    return np.array(kept, dtype=np.int64)
