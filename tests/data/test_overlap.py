"""Planted overlaps are found, by their kind; what rows share by their form is none."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.data.overlap import Overlap, Sample, find_overlaps

ROOT = Path(__file__).parents[2]
INSTRUCTION = "Name the intent of this bank customer's message."

MESSAGES = [
    ("My card has not come in the post yet", "card_arrival"),
    ("The machine kept my card and gave no money", "card_swallowed"),
    ("Why is there a fee on the cash I took out?", "cash_withdrawal_charge"),
    ("Please tell me how old my son must be for an account", "age_limit"),
    ("What rate do you use for dollars?", "exchange_rate"),
    ("The top up that I made this morning is nowhere to be seen", "top_up_failed"),
    ("I forgot my PIN and need another one", "change_pin"),
    ("Somebody took my wallet with the card in it", "lost_or_stolen_card"),
    ("Can I have the money for the shoes back?", "request_refund"),
    ("How many days does a transfer to Poland take?", "transfer_timing"),
]
ROWS = [Sample(f"row {number}", INSTRUCTION, *message) for number, message in enumerate(MESSAGES)]


def case(text: str, answer: str | None, instruction: str = INSTRUCTION) -> Sample:
    return Sample("case", instruction, text, answer)


def only(rows: Sequence[Sample], wanted: Sample) -> Overlap:
    [found] = find_overlaps(rows, [wanted])
    return found


@pytest.mark.parametrize(
    "text",
    [
        "what RATE do you use, for dollars",
        "What rate do you use for dollars?",
        " What rate…\ndo you use for “dollars”",
    ],
)
def test_the_same_words_are_the_same(text: str) -> None:
    found = only(ROWS, case(text, "exchange_rate"))
    assert (found.row.name, found.kind, found.similarity) == ("row 4", "same", 1.0)


def test_the_same_prompt_with_another_answer_is_the_same() -> None:
    assert only(ROWS, case("What rate do you use for dollars?", "something_else")).kind == "same"


def test_the_same_message_under_another_instruction_is_found_by_its_answer() -> None:
    other = "Sort the message into one of our queues."
    assert only(ROWS, case("What rate do you use for dollars?", "exchange_rate", other)).kind == "same"
    urgent = case("What rate do you use for dollars?", "no", "Is this message urgent?")
    assert find_overlaps(ROWS, [urgent, case("Hi", "no", "Is this message urgent?")]) == []


@pytest.mark.parametrize(
    ("text", "answer", "row"),
    [
        ("The machine kept my card and gave no cash", "card_swallowed", "row 1"),
        ("The machine ate my card and gave no cash", "card_swallowed", "row 1"),
        ("Please, why is there a fee on the cash I took out", "cash_withdrawal_charge", "row 2"),
        ("Please tell me how old my daughter has to be for an account", "age_limit", "row 3"),
        ("A transfer to Poland takes how many days?", "transfer_timing", None),
        ("The machine kept my card and gave no cash", "cash_withdrawal_charge", None),
        ("The clerk kept our money and made no card", "card_swallowed", None),
        ("Please tell me how young my daughter must be for the card", "age_limit", None),
    ],
)
def test_a_few_words_changed_under_thirteen(text: str, answer: str, row: str | None) -> None:
    found = find_overlaps(ROWS, [case(text, answer)])
    assert [(each.row.name, each.kind) for each in found] == ([(row, "few changed")] if row else [])


def test_a_case_without_an_answer_is_compared_by_its_words() -> None:
    assert only(ROWS, case("The machine kept my card and gave no cash", None)).kind == "few changed"


def test_planted_near_duplicates_are_all_found_and_no_others() -> None:
    """200 messages of random words; one to three of eight to twelve words changed in every second case."""
    rng = random.Random(0)
    lexicon = [f"word{number}" for number in range(400)]

    def message() -> list[str]:
        return rng.sample(lexicon, rng.randrange(8, 13))

    texts = [message() for _ in range(200)]
    rows = [Sample(f"row {number}", "Sort it.", " ".join(text), "a") for number, text in enumerate(texts)]
    cases = []
    for number, text in enumerate(texts[:100]):
        changed = list(text)
        for place in rng.sample(range(len(text)), len(text) // 4):
            changed[place] = f"other{number}-{place}"
        planted = " ".join(text if number % 2 else changed) if number % 2 == 0 else " ".join(message())
        cases.append(Sample(f"case {number}", "Sort it.", planted.replace("-", ""), "a"))
    found = {each.case.name: each.row.name for each in find_overlaps(rows, cases)}
    assert found == {f"case {number}": f"row {number}" for number in range(0, 100, 2)}


LONG = (
    "I tried to take some money out at the station this morning but the machine did not work and "
    "now the amount still stands there as pending although I never received anything"
)


def test_thirteen_words_in_a_row_inside_a_longer_row() -> None:
    rows = [*ROWS, Sample("long", INSTRUCTION, f"Hello there, {LONG}, which is a shame", "pending")]
    words = LONG.split()
    found = only(rows, case(f"Good day. {' '.join(words[4:24])}, or so it seems to me just now", "other"))
    assert (found.row.name, found.kind) == ("long", "13 words")
    assert found.similarity == pytest.approx(20 / 30)
    assert find_overlaps(rows, [case(f"Good day. {' '.join(words[4:16])}, or so it seems", "other")]) == []


def test_an_instruction_that_rows_share_raises_no_alarm() -> None:
    long = f"{INSTRUCTION} Answer with one of the names that our team has agreed upon, and with nothing else."
    fresh = [case("Where is the next branch?", "branch", long), case("Is it open on Sunday?", "hours", long)]
    rows = [Sample(row.name, long, row.text, row.answer) for row in ROWS]
    assert find_overlaps(rows, fresh) == []
    inside = [Sample(row.name, "", f"{long} {row.text}", row.answer) for row in ROWS]
    assert find_overlaps(inside, [case(f"{long} {each.text}", each.answer, "") for each in fresh]) == []


def test_short_texts_under_a_shared_instruction_are_compared_alone() -> None:
    towns = [("Milan", "Italy"), ("Lyon", "France"), ("Turin", "Italy")]
    rows = [Sample("row", "Name the country that this town lies in.", *town) for town in towns]
    assert find_overlaps(rows, [case("Rome", "Italy", rows[0].instruction)]) == []
    assert only(rows, case("lyon", "France", rows[0].instruction)).kind == "same"


def test_a_run_over_the_end_of_a_row_is_none() -> None:
    words = LONG.split()
    rows = [Sample("row", INSTRUCTION, " ".join(part), "pending") for part in (words[:7], words[7:14])]
    assert find_overlaps(rows, [case(" ".join(words[:20]), "pending")]) == []
    ends = [f"This is how it began: {' '.join(words[:7])}", f"{' '.join(words[7:14])} and so it went on"]
    assert find_overlaps(rows, [case(end, "pending") for end in ends]) == []


def test_a_case_that_is_planted_under_the_shared_instruction_is_still_found() -> None:
    long = f"{INSTRUCTION} Answer with one of the names that our team has agreed upon, and with nothing else."
    rows = [Sample(row.name, "", f"{long} {row.text}", row.answer) for row in ROWS]
    assert only(rows, case(f"{long} {ROWS[3].text}!", "age_limit", "")).kind == "same"


def test_copies_of_a_planted_row_do_not_make_it_form() -> None:
    rows = [*ROWS, *[Sample(f"copy {number}", INSTRUCTION, LONG, "pending") for number in range(50)]]
    found = only(rows, case(LONG, "pending"))
    assert (found.kind, found.row.name) == ("same", "copy 0")
    assert only(rows, case(f"So here is what happened to me. {LONG}. And now?", "x")).kind == "13 words"


def test_signs_that_calculate_are_words() -> None:
    rows = [Sample("sum", "What is 3 + 4 * 2?", "", "11")]
    assert find_overlaps(rows, [Sample("case", "What is 3 - 4 / 2?", "", "1")]) == []
    assert only(rows, Sample("case", "what is 3+4*2", "", "11")).kind == "same"


def test_texts_without_blanks_between_words() -> None:
    rows = [Sample("row", INSTRUCTION, "我的银行卡还没有寄到", "card_arrival"), *ROWS]
    assert only(rows, case("我的信用卡还没有寄到", "card_arrival")).kind == "few changed"


def test_the_worst_comes_first() -> None:
    rows = [*ROWS, Sample("long", INSTRUCTION, LONG, "pending")]
    found = find_overlaps(
        rows,
        [
            case("The machine kept my card and gave no cash", "card_swallowed"),
            case(f"Yes. {LONG}. And now what shall I do about it?", "pending"),
            case("What rate do you use for dollars?", "exchange_rate"),
        ],
    )
    assert [each.kind for each in found] == ["same", "13 words", "few changed"]


def test_nothing_against_nothing() -> None:
    assert find_overlaps([], []) == []
    assert find_overlaps(ROWS, []) == []
    assert find_overlaps([], [case("What rate?", "x")]) == []


def quickstart(name: str) -> list[Sample]:
    lines = (ROOT / name).read_text().splitlines()
    return [
        Sample(str(number), made["instruction"], made["input"], made.get("output", made.get("expected")))
        for number, made in enumerate(map(json.loads, lines), 1)
    ]


@pytest.mark.parametrize("suite", ["dev", "test"])
def test_the_quickstarts_own_data_passes(suite: str) -> None:
    """Its messages come from patterns and often differ in one word, and so do their answers."""
    rows = quickstart("search_spaces/data/quickstart_train.jsonl")
    cases = quickstart(f"evaluation/quickstart_{suite}.jsonl")
    assert find_overlaps(rows, cases) == []
    assert len(find_overlaps([*rows, *cases[:3]], cases)) == 3
