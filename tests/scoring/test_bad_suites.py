"""One clear line for each thing that can be wrong with a suite, with its place and its fix."""
# ruff: noqa: E501  # a fault and its whole line stand side by side

from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.load_suite import load_suite, load_suites


def told(folder: Path, text: str) -> str:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_suite(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message.replace(f"{folder}/", "")


def with_assertion(assertion: str, more: str = "") -> str:
    return f"name: x\n{more}cases:\n  - instruction: a\n    assert:\n      - {assertion}\n"


AT = "s.yaml:5:"


@pytest.mark.parametrize(
    ("assertion", "expected"),
    [
        ("{type: equls, value: a}", "cases[0].assert[0].type is 'equls', an unknown assertion. Did you mean 'equals'?"),
        ("{type: zzz}", "'zzz', an unknown assertion. Known: equals, iequals,"),
        ("{value: a}", "cases[0].assert[0].type is missing. Add it, for example `type: contains`."),
        ("{type: equals, valu: a}", "cases[0].assert[0].valu is an unknown key. Did you mean 'value'?"),
        ("{type: equals}", "cases[0].assert[0].value is missing, and the case has no `expected`"),
        ("{type: equals, value: ' '}", "cases[0].assert[0].value is empty"),
        ("{type: equals, value: 3}", "cases[0].assert[0].value is 3, must be text. Put it in quotes."),
        ("{type: equals, value: a, weight: -1}", "weight is -1, must be at least 0"),
        ("{type: equals, value: a, threshold: 2}", "threshold is 2, must be at most 1"),
        ("{type: equals, value: a, transform: lowercas}", "transform[0] is 'lowercas', an unknown transform. Did you mean 'lowercase'?"),
        ("{type: contains-all, value: []}", "value is an empty list, must be a list of texts"),
        ("{type: contains-any, value: [a, '']}", "value[1] is empty"),
        ("{type: regex, value: '(a'}", "is no regular expression (missing ) at character 3)"),
        ("{type: is-json, value: a}", "value has no meaning for this assertion. Remove it."),
        ("{type: json-schema, value: {type: objct}}", "value.type is no valid JSON schema ('objct' is not valid"),
        ("{type: json-schema, value: [a]}", "value is a list, must be a JSON schema"),
        ("{type: json-schema, value: {$ref: 'https://example.org/s'}}", "value.$ref is 'https://example.org/s', must point into"),
        ("{type: json-schema, value: {properties: {a: {pattern: '(b'}}}}", "properties.a.pattern is '(b', which is no regular"),
        ("{type: json-schema, value: {patternProperties: {'a+': {}}}}", "patternProperties is not supported"),
        ("{type: json-fields, value: []}", "value is an empty list, must be a mapping of fields"),
        ("{type: number, value: many}", "value is 'many', must be a number. Write for example `value: 42`."),
        ("{type: number, value: {number: 1, tolerance: -1}}", "value.tolerance is -1, must be a number of at least 0"),
        ("{type: number, value: {numbr: 1}}", "value.numbr is an unknown key. Known keys here: number, tolerance."),
        ("{type: choice, value: {options: [a], answer: a}}", "value.options is a list, must be two options or more"),
        ("{type: choice, value: {options: [yes, no], answer: maybe}}", "value has the answer 'maybe', which is none of its"),
        ("{type: length, value: {max_wrds: 3}}", "value.max_wrds is an unknown key"),
        ("{type: length, value: {min_words: 5, max_words: 3}}", "value.min_words is 5, above max_words. Swap the two."),
        ("{type: no-repeat, value: 1}", "value is 1, must be a whole number of at least 2"),
        ("{type: target_loss}", "value is the loss of the case's `expected`, which it does not have. Add `expected` to the case."),
        ("{type: target_loss, value: a}", "value has no meaning here: it is the loss of `expected`. Remove it."),
        ("{type: python, value: f.py}", "value runs code of a file, which this suite does not allow"),
        ("{type: judge, value: {model: 'a b', criterion: c}}", "value.model is 'a b', must be [host/]"),
        ("{type: judge, value: {model: m}}", "value.criterion is empty"),
        ("{type: equals, value: '{{word}}'}", "value needs the variable 'word', which the case does not give. Variables here: instruction."),
        ("{type: equals, value: '{{instrction}}'}", "Did you mean 'instruction'?"),
    ],
)  # fmt: skip
def test_a_bad_assertion(tmp_path: Path, assertion: str, expected: str) -> None:
    message = told(tmp_path, with_assertion(assertion))
    assert message.startswith("s.yaml:5:") or message.startswith("s.yaml:6:"), message
    assert expected in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\nprompts: ['{{w}}']\ncases: [{vars: {v: 1}}]\n", "s.yaml:3:9: cases[0] does not fit prompts[0]: it needs the variable 'w', which the case does not give."),
        ("name: x\nprompts: ['{{w}}']\ncases: [{vars: {ww: 1}}]\n", "Did you mean 'ww'?"),
        ("name: x\nprompts: ['{{w']\ncases: [{vars: {w: 1}}]\n", "prompts[0]: it is no template that Jinja reads"),
        ("name: x\nprompts: ['{{w}}']\ncases: [{vars: {w: ' '}}]\n", "prompts[0]: it is empty when rendered"),
        ("name: x\nprompts: ['{{9**9**9}}']\ncases: [{vars: {w: 1}}]\n", "the operator ** is not allowed here"),
        ("name: x\nprompts: [\"{{''.__class__.__mro__}}\"]\ncases: [{vars: {w: 1}}]\n", "cannot be rendered (access to attribute"),
        ("name: x\nprompts: [a]\nmessages: [{role: user, content: a}]\ncases: [{}]\n", "s.yaml:3:11: messages excludes prompts"),
        ("name: x\nmessages: [{role: user, content: a}, {role: assistant, content: b}]\ncases: [{}]\n", "s.yaml:2:45: messages[1].role is 'assistant', and the last message must be the user's. Put the wanted answer under `expected`."),
        ("name: x\nmessages: [{role: user, content: a}, {role: system, content: b}]\ncases: [{}]\n", "messages[1].role is 'system', must stand first"),
        ("name: x\nmessages: [{role: usr, content: a}]\ncases: [{}]\n", "messages[0].role is 'usr', must be 'system', 'user' or 'assistant'. Did you mean 'user'?"),
        ("name: x\ncases: [{instruction: a, messages: [{role: user, content: b}]}]\n", "cases[0].messages excludes instruction and input"),
        ("name: x\ncases: [{vars: {w: 1}}]\n", "s.yaml:2:9: cases[0] has no `instruction`"),
        ("name: x\ncases: [{id: a, instruction: a}, {id: a, instruction: b}]\n", "s.yaml:2:34: the id 'a' stands here again, first at s.yaml:2:9"),
        ("name: x\ndefaults: {assert: [{type: number}]}\ncases: [{id: q, instruction: a}]\n", "s.yaml:2:21: defaults.assert[0].value is missing, and the case has no `expected` (case 'q', s.yaml:3:9)"),
        ("name: x\ndefaults: {assert: [{type: nmber}]}\ncases: [{instruction: a}]\n", "s.yaml:2:28: defaults.assert[0].type is 'nmber', an unknown assertion (case 'case-1', s.yaml:3:9). Did you mean 'number'?"),
        ("name: x\ncases: [{instruction: a, tags: [a b]}]\n", "cases[0].tags[0] is 'a b', must be letters"),
        ("name: x\ncases: [{instruction: a, expected: }]\n", "cases[0].expected has no value"),
        ("name: x\ndecode: {temperature: -1}\ncases: [{instruction: a}]\n", "decode.temperature is -1, must be at least 0"),
        ("name: x\ndecode: {stop: ['']}\ncases: [{instruction: a}]\n", "decode.stop[0] is empty, and stands before every text"),
        ("name: x\ncases: rows.txt\n", "cases cannot come from a file that ends in '.txt'"),
        ("name: x\ntests: [{}]\n", "s.yaml:2:1: tests is an unknown key. Did you mean 'cases'?"),
    ],
)  # fmt: skip
def test_a_bad_suite(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in told(tmp_path, text)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("instruction,expected\na\n", "c.csv:2: this row has 1 cell, and the header 2"),
        ("instruction,instruction\na,b\n", "c.csv:1: the column 'instruction' stands twice"),
        ("instruction,assert\na,b\n", "c.csv:1: the column 'assert' cannot be written in CSV"),
        ("instruction,note\na,b\n", "c.csv:2: unknown key 'note'"),
        ("instruction\n\n", "c.csv: the file has no cases"),
        ('instruction\n"a\n', "c.csv:2: this is no CSV (unexpected end of data)"),
    ],
)
def test_a_bad_csv_file(tmp_path: Path, rows: str, expected: str) -> None:
    (tmp_path / "c.csv").write_text(rows, encoding="utf-8")
    assert expected in told(tmp_path, "name: x\ncases: c.csv\n")


def test_two_suites_of_one_name(tmp_path: Path) -> None:
    paths = []
    for file in ("a.yaml", "b.yaml"):
        paths.append(tmp_path / file)
        paths[-1].write_text("name: same\ncases: [{instruction: a}]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"b\.yaml: the suite is called 'same', as .*a\.yaml is"):
        load_suites(paths)
    assert [suite.name for suite in load_suites(paths[:1])] == ["same"]


def test_a_python_scorer_is_looked_at_before_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("raise SystemExit('was run')\ndef score(a, e, p): return 1\n")
    (tmp_path / "bad.py").write_text("def score(:\n")
    allowed = "allow_code: true\n"
    for value, expected in {
        "gone.py": "gone.py, and there is no such file",
        "bad.py": "which is no Python (line 1)",
        "good.py:scor": "defines no function 'scor'. It defines score: write FILE.py:FUNCTION.",
        "{file: good.py, second: 1}": "value.second is an unknown key",
        "{file: good.py, seconds: 0}": "value.seconds is 0, must be a number of at least 0.1",
        "good.txt": "value is 'good.txt', must be a .py file",
    }.items():
        text = with_assertion(f"{{type: python, value: {value}}}", allowed)
        assert expected in told(tmp_path, text), value
    path = tmp_path / "fine.yaml"
    path.write_text(with_assertion("{type: python, value: good.py}", allowed))
    assert load_suite(path).cases[0].checks[0].value["function"] == "score"
