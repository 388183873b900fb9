"""A value of one parameter."""

Scalar = float | int | str | tuple[str, ...]
"""A bool is an int to Python's types, so use_rslora's values are Scalars too."""
