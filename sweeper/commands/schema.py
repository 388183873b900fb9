"""`sweep schema`: the JSON Schema of a space file, for an editor."""

import json

from sweeper.space.json_schema import space_schema


def schema() -> None:
    """Prints it; no file is read."""
    print(json.dumps(space_schema(), indent=2))
