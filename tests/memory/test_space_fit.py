"""What `sweep check` says about memory."""

from sweeper.memory.plan_within import Limit
from sweeper.memory.settings import EngineStep
from sweeper.memory.space_fit import SpaceNeeds, fit_lines

GB = 10**9
LIMIT = Limit(20 * GB, 0.1)


def predict(step: EngineStep) -> int:
    """10 GB of weights, a gigabyte for each thousand tokens, a tenth for each eight ranks."""
    weights = 3 if step.base.quantization == "nf4" else 10
    tokens = step.micro_batch_size * step.seq_length / 1000 * (0.25 if step.gradient_checkpointing else 1)
    return int((weights + tokens + step.lora_rank / 80) * GB)


def test_all_that_fits_is_told_in_a_line_for_each_length() -> None:
    needs = SpaceNeeds(ranks=[8, 16], lengths=[500, 1000], effective_batch_size=8, step=EngineStep())
    assert fit_lines(needs, LIMIT, predict) == [
        "Memory: 20.0 GB a device, 18.0 GB to use (10% headroom).",
        "  500 tokens: micro-batch up to 8 (14.2 GB at rank 16)",
        "  1000 tokens: micro-batch up to 4 (14.2 GB at rank 16)",
    ]


def test_what_does_not_fit_is_told_with_what_would_help() -> None:
    needs = SpaceNeeds(ranks=[8, 160], lengths=[1000, 7000], effective_batch_size=4, step=EngineStep())
    assert fit_lines(needs, LIMIT, predict) == [
        "Memory: 20.0 GB a device, 18.0 GB to use (10% headroom).",
        "3 of 4 pairs of max_seq_length and lora_rank fit; the rest is pruned.",
        "  1000 tokens: micro-batch up to 4 (16.0 GB at rank 160)",
        "  7000 tokens: micro-batch up to 1 (17.1 GB at rank 8), and no rank above 8",
        "To fit 7000 tokens at rank 160: gradient checkpointing (13.8 GB), or an nf4 base (12.0 GB).",
    ]


def test_checkpointing_that_is_left_open_is_told_where_it_has_to_be() -> None:
    needs = SpaceNeeds([8, 400], [1000, 9000, 40_000], 4, EngineStep(), may_checkpoint=True)
    assert fit_lines(needs, LIMIT, predict)[1:] == [
        "4 of 6 pairs of max_seq_length and lora_rank fit; the rest is pruned.",
        "  1000 tokens: micro-batch up to 2 (17.0 GB at rank 400)",
        "  9000 tokens: micro-batch up to 1 (17.2 GB at rank 400 with gradient checkpointing)",
        "  40000 tokens: does not fit (20.1 GB at the least)",
        "To fit 40000 tokens at rank 400: an nf4 base (18.0 GB).",
    ]


def test_a_batch_that_the_user_set_is_not_made_smaller() -> None:
    needs = SpaceNeeds([8], [1000], 16, EngineStep(), per_device_train_batch_size=16)
    lines = fit_lines(needs, LIMIT, predict)
    assert lines[2] == "  1000 tokens: does not fit (26.1 GB at the least)"
    assert lines[3].startswith("To fit 1000 tokens at rank 8: gradient checkpointing (14.1 GB)")


def test_changes_are_joined_where_one_is_not_enough_and_rows_shortened_where_all_are_not() -> None:
    long = SpaceNeeds([8], [4000, 60_000], 1, EngineStep())
    joined = "gradient checkpointing with an nf4 base with an 8-bit optimizer (18.1 GB)"
    assert fit_lines(long, Limit(19 * GB, 0.0), predict)[-1] == f"To fit 60000 tokens at rank 8: {joined}."
    assert fit_lines(long, Limit(15 * GB, 0.0), predict)[-1] == (
        "To fit 60000 tokens at rank 8 nothing here is enough (18.1 GB with all): "
        "take shorter rows (max_seq_length 4000)."
    )
