"""Reads a YAML 1.2 file into plain data that remembers where each key and value stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from sweeper.errors import InputError
from sweeper.space.problems import Problem, problems_of
from sweeper.space.text_file import read_text
from sweeper.space.wording import KeyPath, count, dotted
from sweeper.space.yaml_syntax import explain

Position = tuple[int, int]
"""Line and column, both from 1."""

_MAX_DEPTH = 32
"""Levels of mappings and lists: far more than any file of ours has, far fewer than Python can stack."""

_CORE = "tag:yaml.org,2002:"
_NUMBERS = {_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null"}
_TEXTS = {_CORE + "str", _CORE + "timestamp", _CORE + "value", _CORE + "merge"}


class FileModel(BaseModel):
    """Base of the models of files: nothing is converted, and a key without a meaning is refused.

    `Field(examples=["9"])` gives the YAML text that an error shows as an example.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """Plain data, and the position of each key and of each value by its path of keys."""

    path: Path
    data: dict[str, Any]
    keys: Mapping[KeyPath, Position]
    values: Mapping[KeyPath, Position]

    def place(self, key_path: KeyPath = (), at_key: bool = False) -> str:
        """file:line:column of a value, or of its key; of the nearest parent's key where it is missing."""
        line, column = self._position(key_path, at_key)
        return f"{self.path}:{line}:{column}"

    def error(self, key_path: KeyPath, problem: str, fix: str) -> InputError:
        """An InputError about the value at `key_path`, which the message names."""
        return InputError(self.place(key_path), f"{dotted(key_path)} {problem}", fix)

    def first_of(self, problems: list[Problem]) -> InputError:
        """The problem that stands first in the file, and how many more there are."""
        ordered = sorted(problems, key=lambda problem: self._position(problem.key_path, problem.at_key))
        first = ordered[0]
        more = len({(problem.key_path, problem.at_key) for problem in problems}) - 1
        rest = f" ({count(more, 'more problem')} in this file)" if more else ""
        return InputError(self.place(first.key_path, first.at_key), first.text, first.fix + rest)

    def _position(self, key_path: KeyPath, at_key: bool) -> Position:
        while key_path not in self.values:  # a missing key stands where its parent's key does
            key_path, at_key = key_path[:-1], True
        return self.keys[key_path] if at_key and key_path in self.keys else self.values[key_path]


def read_yaml(path: Path) -> YamlFile:
    """Reads one mapping. Raises InputError with the place for anything else.

    By YAML 1.2, 1e-5 is a number and yes a text. Dates stay texts. Not covered: tags and merge keys.
    """
    node = _compose(path, read_text(path))
    if not isinstance(node, MappingNode):
        line, column = _position_of(node)
        raise InputError(
            f"{path}:{line}:{column}", "the file must hold keys with values", "Write `key: value`"
        )
    reader = _Reader(path)
    data = reader.read(node, ())
    return YamlFile(path, data, reader.keys, reader.values)


def validate(path: Path, model: type[ModelT]) -> ModelT:
    """Reads the file as a `model`. Raises InputError for the problem that stands first in it."""
    return check(read_yaml(path), model)


def check(
    file: YamlFile, model: type[ModelT], may_be_null: Callable[[KeyPath], bool] = lambda key_path: False
) -> ModelT:
    """The file's data as a `model`. Raises InputError for the problem that stands first in it.

    A key without a value is a fault, but for those that `may_be_null`.
    """
    empty = {key_path for key_path in file.values if _value_at(file, key_path) is None}
    empty = {key_path for key_path in empty if not may_be_null(key_path)}
    problems = [Problem.without_value(key_path) for key_path in empty]
    try:
        checked = model.model_validate(file.data)
    except ValidationError as error:
        others = problems_of(error, model, file.data)
        problems += [other for other in others if other.key_path not in empty]
        raise file.first_of(problems) from None
    if problems:
        raise file.first_of(problems)
    return checked


def _value_at(file: YamlFile, key_path: KeyPath) -> Any:
    value: Any = file.data
    for key in key_path:
        value = value[key]
    return value


def _compose(path: Path, text: str) -> Node:
    yaml = YAML(typ="safe", pure=True)
    try:
        node: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        mark, problem, fix = explain(error)
        raise InputError(f"{path}:{mark.line + 1}:{mark.column + 1}", problem, fix) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{path}:{line}", "a control character stands here", "Remove it") from None
    except RecursionError:
        raise InputError(str(path), "the file is nested too deeply", "Close the brackets") from None
    if node is None:
        raise InputError(str(path), "the file is empty", "Write `key: value` lines into it")
    return node


def _position_of(node: Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


class _Reader:
    """Turns nodes into plain data and writes down where they stand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: dict[KeyPath, Position] = {}
        self.values: dict[KeyPath, Position] = {}
        self._constructor = YAML(typ="safe", pure=True).constructor
        self._open: list[Node] = []

    def read(self, node: Node, key_path: KeyPath) -> Any:
        self.values[key_path] = _position_of(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if len(self._open) == _MAX_DEPTH:
            raise self._error(node, "this is nested too deeply", "Close the brackets before it")
        if any(node is outer for outer in self._open):
            raise self._error(node, "an alias (*) stands inside what it points to", "Write the value out")
        if node.tag not in (_CORE + "map", _CORE + "seq"):
            raise self._error(node, f"the tag {node.tag} has no meaning here", "Remove it")
        self._open.append(node)
        whole = (
            self._mapping(node, key_path) if isinstance(node, MappingNode) else self._sequence(node, key_path)
        )
        self._open.pop()
        return whole

    def _mapping(self, node: MappingNode, key_path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self._error(key_node, "a key must be one word", "Write `key: value`")
            key = self._text(key_node)
            if key in data:
                first_line = self.keys[(*key_path, key)][0]
                raise self._error(
                    key_node,
                    f"the key '{key}' stands here again, first in line {first_line}",
                    "Remove one of the two",
                )
            self.keys[(*key_path, key)] = _position_of(key_node)
            data[key] = self.read(value_node, (*key_path, key))
        return data

    def _sequence(self, node: Node, key_path: KeyPath) -> list[Any]:
        return [self.read(item, (*key_path, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag in _TEXTS:
            return self._text(node)
        if node.tag not in _NUMBERS:
            raise self._error(node, f"the tag {node.tag} has no meaning here", "Remove it")
        try:
            return self._constructor.construct_object(node)
        except ValueError:
            raise self._error(node, f"{node.value:.40} cannot be read as a number", "Correct it") from None

    def _text(self, node: ScalarNode) -> str:
        """JSON writes a sign beyond U+FFFF as two escapes, and YAML reads each of them by itself."""
        try:
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._error(
                node, "an escape (\\ud800 to \\udfff) is half a sign", "Write the sign itself"
            ) from None

    def _error(self, node: Node, problem: str, fix: str) -> InputError:
        line, column = _position_of(node)
        return InputError(f"{self.path}:{line}:{column}", problem, fix)
