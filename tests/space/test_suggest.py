"""What a user most likely meant."""

import pytest

from sweeper.space.suggest import closest, did_you_mean

KNOWN = ["learning_rate", "lora_rank", "num_train_epochs", "max_steps", "warmup_steps"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("learning_rat", "learning_rate"),
        ("Learning-Rate", "learning_rate"),
        ("lr", "learning_rate"),
        ("epochs", "num_train_epochs"),
        ("steps", "max_steps"),
        ("dropout", None),
        ("", None),
    ],
)
def test_closest(word: str, meant: str | None) -> None:
    assert closest(word, KNOWN) == meant


def test_an_ending_that_two_words_share_is_no_hint() -> None:
    assert closest("epochs", ["num_train_epochs", "num_warm_epochs"]) is None


def test_another_tools_name_counts_only_where_ours_is_known() -> None:
    assert closest("low", ["min", "max", "log"]) == "min"
    assert closest("low", ["log"]) == "log"


def test_did_you_mean_has_something_to_say_for_any_word() -> None:
    assert did_you_mean("rank", KNOWN, "Look it up") == "Did you mean 'lora_rank'?"
    assert did_you_mean("colour", KNOWN, "Look it up") == "Look it up"
