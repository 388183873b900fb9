"""Says in plain words what is wrong with the syntax of a YAML file."""

from ruamel.yaml.error import MarkedYAMLError, StringMark

_EXPLAINED = {
    "found character '\\t'": ("a tab stands where YAML takes only spaces", "Replace it by spaces"),
    "mapping values are not allowed": (
        "a ': ' stands where no key can be",
        "Put a text that holds ': ' in quotes, and indent the keys of one mapping alike",
    ),
    "could not find expected ':'": ("this line is no `key: value`", "Add the ': ' after the key"),
    "expected <block end>": (
        "this line does not fit the lines above it",
        "Indent the keys of one mapping alike, and close nothing that is not open",
    ),
    "cannot start any token": ("this character cannot start a value", "Put the text in quotes"),
    "found undefined alias": ("an alias (*) points to nothing", "Put a text that starts with * in quotes"),
    "found another document": ("a second document starts here", "Keep one document, without --- between"),
    "found unknown escape": (
        "this \\ starts no escape that YAML knows",
        "Put the text in single quotes",
    ),
}

_OPENED = {
    "while parsing a flow sequence": ("the list that opens here with [ is not closed", "Add the ]"),
    "while parsing a flow mapping": ("the mapping that opens here with { is not closed", "Add the }"),
    "while scanning a quoted scalar": ("the quote that opens here is not closed", "Add the closing quote"),
}


def explain(error: MarkedYAMLError) -> tuple[StringMark, str, str]:
    """Where the user has to look, what is wrong there, and the fix."""
    found = f"{error.problem}"
    if error.context in _OPENED and error.context_mark is not None:
        return error.context_mark, *_OPENED[error.context]
    mark = error.problem_mark or error.context_mark
    for part, (problem, fix) in _EXPLAINED.items():
        if part in found:
            return mark, problem, fix
    return mark, f"this is not YAML ({found})", "Correct the line"
