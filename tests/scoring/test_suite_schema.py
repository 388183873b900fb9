"""What a suite file can say: prompts, chats, variables, defaults, tags, groups, and cases from files."""

import json
from pathlib import Path

from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.suite import Assertion, Message, Suite


def loaded(folder: Path, text: str, **files: str) -> Suite:
    for name, content in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_text(content, encoding="utf-8")
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


def test_every_case_is_asked_with_every_prompt(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """
        name: intents
        prompts: ["Name the intent: {{message}}", "{{message}} What is meant?"]
        cases:
          - {id: a, vars: {message: Hello}, expected: greeting}
          - {vars: {message: Bye}, expected: farewell, group: ends}
        """,
    )
    assert [(case.id, case.text, case.group) for case in suite.cases] == [
        ("a#1", "Name the intent: Hello", "a"),
        ("a#2", "Hello What is meant?", "a"),
        ("case-2#1", "Name the intent: Bye", "ends"),
        ("case-2#2", "Bye What is meant?", "ends"),
    ]
    assert {case.expected for case in suite.cases} == {"greeting", "farewell"}


def test_one_prompt_leaves_ids_and_groups_as_they_are(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path, "name: x\nprompts: 'Say {{w}}.'\ncases: [{id: a, vars: {w: hi}, expected: hi}]\n"
    )
    assert [(case.id, case.instruction, case.group) for case in suite.cases] == [("a", "Say hi.", None)]


def test_chats_of_the_suite_and_of_a_case(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """
        name: chats
        messages:
          - {role: system, content: "You speak {{language}}."}
          - {role: user, content: "Say {{word}}."}
        defaults: {vars: {language: French}}
        cases:
          - {vars: {word: yes}, expected: oui}
          - {vars: {word: yes, language: German}, expected: ja}
          - messages:
              - {role: user, content: Hi}
              - {role: assistant, content: Hello}
              - {role: user, content: Bye}
        """,
    )
    french, german, own = suite.cases
    assert french.messages == (Message("system", "You speak French."), Message("user", "Say yes."))
    assert german.messages[0].content == "You speak German."
    assert [message.role for message in own.messages] == ["user", "assistant", "user"]
    assert french.text == "You speak French.\n\nSay yes."
    assert (french.is_scored, own.is_scored) == (True, False)


def test_variables_may_hold_lists_and_what_is_no_variable_stays_as_it_is(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """
        name: lists
        prompts: "{% for item in items %}{{loop.index}}. {{item}}\\n{% endfor %}"
        cases: [{vars: {items: [one, two]}}]
        """,
    )
    assert suite.cases[0].instruction == "1. one\n2. two\n"
    plain = loaded(tmp_path, "name: x\ncases: [{instruction: 'Fill {{in}}', expected: '{{x}}'}]\n")
    assert (plain.cases[0].instruction, plain.cases[0].expected) == ("Fill {{in}}", "{{x}}")


def test_instructions_are_filled_in_where_there_are_variables(tmp_path: Path) -> None:
    suite = loaded(tmp_path, "name: x\ncases: [{instruction: 'Say {{w}}', vars: {w: hi}, expected: hi}]\n")
    assert suite.cases[0].instruction == "Say hi"


def test_assertions_with_defaults_behind_them(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """
        name: x
        defaults:
          tags: [all]
          assert: [{type: number}, {type: not-contains, value: "{{unit}}", weight: 0.5}]
        cases:
          - instruction: a
            expected: "#### 1,200"
            vars: {unit: km}
            tags: short
            assert: [{type: similar, value: about 1200, threshold: 0.8, transform: [strip, lowercase]}]
        """,
    )
    case = suite.cases[0]
    assert case.assertions == (
        Assertion("similar", "about 1200", 1.0, 0.8, ("strip", "lowercase"), False),
        Assertion("number", {"number": 1200.0, "tolerance": 0.0}),
        Assertion("contains", "km", 0.5, None, (), True),
    )
    assert case.tags == ("short", "all")


def test_expected_alone_means_equals_and_beside_assertions_it_means_nothing(tmp_path: Path) -> None:
    alone = loaded(tmp_path, "name: x\ncases: [{instruction: a, expected: b}]\n").cases[0]
    assert alone.checks == (Assertion("equals", "b"),)
    beside = loaded(
        tmp_path, "name: x\ncases: [{instruction: a, expected: b, assert: [{type: is-json}]}]\n"
    ).cases[0]
    assert [check.type for check in beside.checks] == ["is-json"]


def test_a_case_whose_assertions_weigh_nothing_is_not_scored(tmp_path: Path) -> None:
    text = "name: x\ncases: [{instruction: a, assert: [{type: is-json, weight: 0}]}]\n"
    assert not loaded(tmp_path, text).cases[0].is_scored


def test_decoding_and_system(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """
        name: x
        system: Be brief.
        decode: {max_new_tokens: 5, temperature: 0.7, stop: ["\\n", END], seed: 3}
        cases: [{instruction: a}]
        """,
    )
    assert (suite.max_new_tokens, suite.temperature, suite.stop, suite.seed) == (5, 0.7, ("\n", "END"), 3)
    assert suite.system == "Be brief."


def test_cases_of_a_csv_file_with_variables_in_its_columns(tmp_path: Path) -> None:
    csv = 'id,message,expected,tags\na,"Where, is\nit?",lost,short hard\nb,Hello,,\n'
    suite = loaded(tmp_path, "name: x\nprompts: 'Intent: {{message}}'\ncases: rows.csv\n", rows_csv=csv)
    first, second = suite.cases
    assert (first.id, first.instruction, first.tags) == ("a", "Intent: Where, is\nit?", ("short", "hard"))
    assert (first.expected, second.expected, second.is_scored) == ("lost", "", False)


def test_keys_of_json_lines_are_variables_where_there_are_prompts(tmp_path: Path) -> None:
    rows = json.dumps({"message": "Hello", "output": "greeting"}) + "\n"
    suite = loaded(tmp_path, "name: x\nprompts: '{{message}}!'\ncases: rows.jsonl\n", rows_jsonl=rows)
    assert [(case.instruction, case.expected) for case in suite.cases] == [("Hello!", "greeting")]


def test_training_rows_fill_prompts_too(tmp_path: Path) -> None:
    rows = json.dumps({"instruction": "Add.", "input": "1 2", "output": "3"}) + "\n"
    suite = loaded(tmp_path, "name: x\nprompts: '{{instruction}} {{input}}'\ncases: r.jsonl\n", r_jsonl=rows)
    assert suite.cases[0].instruction == "Add. 1 2"


def test_json_values_may_hold_null(tmp_path: Path) -> None:
    text = """
        name: x
        cases:
          - {instruction: a, assert: [{type: json-fields, value: {city: null}}]}
          - {instruction: b, assert: [{type: json-schema, value: {enum: [null, 1]}}]}
        """
    suite = loaded(tmp_path, text)
    assert suite.cases[0].checks[0].value == {"city": None}
    assert suite.cases[1].checks[0].value == {"enum": [None, 1]}
