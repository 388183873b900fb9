"""Writes the quickstart's data: customer messages, and the strict JSON wanted for each.

usage: python search_spaces/data/make_quickstart.py [ROOT]

Under ROOT, by default the project itself, it writes

    search_spaces/data/quickstart_train.jsonl    rows to train on
    evaluation/quickstart_dev.jsonl              cases that the search sees
    evaluation/quickstart_test.jsonl             cases for the last look

No message stands in two files. Half of the dev cases ask for things that no training row names, and
so do half of the test cases, with other things again: who learned the rows by heart fails there.
The same seed gives the same bytes with every Python, for `Random.random()` alone is promised never
to change.
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

SEED = 0
INSTRUCTION = "Turn the message into JSON: intent, item, quantity."
TRAIN_ROWS, DEV_CASES, TEST_CASES = 200, 40, 60

PHRASES = {
    "buy": (
        "I would like to buy {what}.",
        "Please send me {what}.",
        "Can I get {what}?",
        "I need {what} by Friday.",
        "Add {what} to my order.",
        "We want to order {what}.",
        "{what} for me, please.",
    ),
    "cancel": (
        "Please cancel {what}.",
        "Take {what} off my order.",
        "Stop my order of {what}.",
        "Do not ship {what} after all.",
        "I ordered {what} by mistake.",
        "I no longer need {what}.",
        "Drop {what} from my order.",
    ),
    "exchange": (
        "Can I swap {what} for a larger size?",
        "Please exchange {what}.",
        "I got {what} in the wrong colour.",
        "Could I trade {what} for blue ones?",
        "{what} came in the wrong size.",
        "Swap {what} for another model.",
        "I want {what} in green instead.",
    ),
    "repair": (
        "Can you fix {what}?",
        "{what} broke, please help.",
        "I need {what} repaired.",
        "{what} stopped working.",
        "Please mend {what} for me.",
        "{what} came apart in my hands.",
        "Who can look at {what} with a fault?",
    ),
    "return": (
        "I want my money back for {what}.",
        "I am sending {what} back.",
        "How do I return {what}?",
        "Please refund {what}.",
        "Take back {what}, please.",
        "I regret buying {what}.",
        "Pay me back for {what}.",
    ),
}

TRAIN_ITEMS = (
    "chair clock rug plate fan radio camera phone printer wallet belt shirt hat boot ball book pen "
    "table oven pan pot frame bag coat ring lamp desk kettle mug sofa pillow mirror watch box knife "
    "drill guitar bike blanket battery"
)
DEV_ITEMS = "bucket monitor scarf bench jar candle tent dress"
TEST_ITEMS = "sock lock hose vase speaker glove brush helmet stool key"

QUANTITIES = (
    *((1, words) for words in ("a", "one")),
    *((2, words) for words in ("two", "2", "a pair of")),
    *((3, words) for words in ("three", "3")),
    *((4, words) for words in ("four", "4")),
    *((5, words) for words in ("five", "5")),
    *((6, words) for words in ("six", "6")),
    (8, "eight"),
    (10, "ten"),
    (12, "a dozen"),
)

Record = dict[str, str]
T = TypeVar("T")


def plural(item: str) -> str:
    if item.endswith("fe"):
        return item[:-2] + "ves"
    if item.endswith("y") and item[-2] not in "aeiou":
        return item[:-1] + "ies"
    return item + ("es" if item.endswith(("s", "x", "ch", "sh")) else "s")


def how_many(quantity: int, words: str, item: str) -> str:
    """ "two lamps", "an oven", "a pair of boots"."""
    if quantity > 1:
        return f"{words} {plural(item)}"
    return f"{'an' if words == 'a' and item[0] in 'aeiou' else words} {item}"


def pick(rng: random.Random, among: Sequence[T]) -> T:
    return among[int(rng.random() * len(among))]


def record(rng: random.Random, intent: str, items: Sequence[str]) -> Record:
    """One message and its answer, which is compact JSON with its keys in a fixed order."""
    item = pick(rng, items)
    quantity, words = pick(rng, QUANTITIES)
    message = pick(rng, PHRASES[intent]).format(what=how_many(quantity, words, item))
    answer = {"intent": intent, "item": item, "quantity": quantity}
    return {
        "instruction": INSTRUCTION,
        "input": message[0].upper() + message[1:],
        "output": json.dumps(answer, separators=(",", ":")),
    }


def records(
    rng: random.Random, count: int, item_lists: Sequence[Sequence[str]], taken: set[str]
) -> Iterator[Record]:
    """`count` records whose messages are not yet `taken`, with intents and item lists in even shares."""
    intents = tuple(PHRASES)
    for number in range(count):
        intent = intents[number % len(intents)]
        items = item_lists[number // len(intents) % len(item_lists)]
        made = record(rng, intent, items)
        while made["input"] in taken:
            made = record(rng, intent, items)
        taken.add(made["input"])
        yield made


def as_case(made: Record, case_id: str) -> Record:
    return {
        "id": case_id,
        "instruction": made["instruction"],
        "input": made["input"],
        "expected": made["output"],
    }


def write_lines(path: Path, lines: Sequence[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(json.dumps(line) + "\n" for line in lines).encode())


def main(root: Path) -> None:
    rng = random.Random(SEED)
    taken: set[str] = set()
    known = TRAIN_ITEMS.split()
    train = list(records(rng, TRAIN_ROWS, [known], taken))
    dev = list(records(rng, DEV_CASES, [known, DEV_ITEMS.split()], taken))
    test = list(records(rng, TEST_CASES, [known, TEST_ITEMS.split()], taken))
    write_lines(root / "search_spaces/data/quickstart_train.jsonl", train)
    for name, cases in (("dev", dev), ("test", test)):
        numbered = [as_case(made, f"{name}-{number:02d}") for number, made in enumerate(cases, 1)]
        write_lines(root / f"evaluation/quickstart_{name}.jsonl", numbered)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
