"""The tracker on real tensors, against what the garbage collector can still reach."""

import gc

import torch

from sweeper.memory.cuda_kernels import WORKSPACES
from sweeper.memory.tracker import LiveTracker


def test_a_storage_counts_once_from_birth_to_death() -> None:
    with LiveTracker(round_bytes=lambda size: size) as tracker, tracker.counting_as("activations"):
        whole = torch.empty(100)
        view = whole[:10]
        assert tracker.live_bytes == 400
        del whole
        assert tracker.live_bytes == 400
        del view
    assert tracker.live_bytes == 0
    assert tracker.moments == [(0, 0, 0, 0, 400, 0, 0)]


def test_parts_are_told_by_shape_and_may_change() -> None:
    with (
        LiveTracker(round_bytes=lambda size: size, vocabulary=50) as tracker,
        tracker.counting_as("activations"),
    ):
        logits = torch.empty(3, 50)
        mask = torch.empty(1, 1, 64, 64, dtype=torch.bool)
        hidden = torch.empty(3, 8)
        tracker.keep_as(hidden, "gradients")
        live = {part: size for part, size in tracker.live.items() if size}
        assert live == {"logits": 600, "mask": 4096, "gradients": 96}
        del hidden, logits, mask
    assert tracker.live_bytes == 0


def test_what_autograd_keeps_counts_until_backward_frees_it() -> None:
    inputs = torch.randn(10, 10, requires_grad=True)
    with LiveTracker(round_bytes=lambda size: size) as tracker:
        loss = inputs.exp().exp().sum()
        kept = tracker.live_bytes
        loss.backward()  # type: ignore[no-untyped-call]
        del loss
    gc.collect()
    assert kept == 2 * 400 + 4
    assert tracker.live_bytes == inputs.grad.untyped_storage().nbytes()  # type: ignore[union-attr]


def test_a_kernels_own_workspace_shows_in_the_moment_and_is_gone_after() -> None:
    tracker = LiveTracker(
        round_bytes=lambda size: size, workspaces={torch.ops.aten.exp.default: lambda *_: 1000}
    )
    values = torch.zeros(10)
    with tracker:
        result = values.exp()
    assert (sum(tracker.moments[-1]), tracker.live_bytes) == (1040, 40)
    del result


def test_flash_backward_holds_an_fp32_gradient_and_expanded_keys() -> None:
    flash = WORKSPACES[torch.ops.aten._scaled_dot_product_flash_attention_backward.default]
    query = torch.empty(2, 8, 100, 64, dtype=torch.bfloat16, device="meta")
    key = torch.empty(2, 2, 100, 64, dtype=torch.bfloat16, device="meta")
    accumulated = 2 * 8 * 128 * (64 + 1) * 4
    assert flash(query, query, query) == accumulated
    assert flash(query, query, key) == accumulated + 2 * (2 * 8 * 100 * 64) * 2
