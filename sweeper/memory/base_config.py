"""A model's config as a value: what config.json says, in a form that can be a key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_PERIOD = 6


@dataclass(frozen=True, slots=True)
class BaseConfig:
    """`text` is config.json's content with sorted keys; it needs a `model_type`."""

    text: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "BaseConfig":
        """From the plain content of a config.json."""
        return cls(json.dumps(dict(values), sort_keys=True))

    def load(self) -> Any:
        """transformers' own config object, with its defaults."""
        from transformers import AutoConfig

        values = json.loads(self.text)
        return AutoConfig.for_model(values.pop("model_type"), **values)

    @property
    def layer_count(self) -> int:
        return int(self.load().num_hidden_layers)

    @property
    def period(self) -> int | None:
        """After how many decoder layers their kinds repeat: 1 where all are alike, None where they do not."""
        kinds = getattr(self.load(), "layer_types", None)
        if not kinds:
            return 1
        for period in range(1, _LONGEST_PERIOD + 1):
            if all(kinds[index] == kinds[index % period] for index in range(len(kinds))):
                return period
        return None

    def with_layers(self, count: int) -> "BaseConfig":
        """The same model, cut to its first `count` decoder layers."""
        config = self.load()
        values = json.loads(self.text)
        name = type(config).attribute_map.get("num_hidden_layers", "num_hidden_layers")
        values[name] = count
        if getattr(config, "layer_types", None):
            values["layer_types"] = config.layer_types[:count]
        return BaseConfig.of(values)
