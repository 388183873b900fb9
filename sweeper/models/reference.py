"""Where a base model comes from, by the text in `model.base`.

Reading that text is a part of reading the space file, which is refused as a whole before anything of
models is imported. So the code is in space, and models takes it from here.
"""

from sweeper.space.base import BaseReference, resolve_base

__all__ = ["BaseReference", "resolve_base"]
