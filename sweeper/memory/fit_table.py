"""What fits, as text: one line for each rank and length, one column for each batch, and the parts."""

from collections.abc import Sequence

from sweeper.memory.fit import FitRow, largest_batches

_GB = 10**9


def fit_table(model: str, gpu: str, total_bytes: int, headroom: float, rows: Sequence[FitRow]) -> str:
    """Predicted peaks in GB (10^9 bytes); those over the limit are marked with an x."""
    step = rows[0].step
    base = step.base.dtype if step.base.quantization == "none" else step.base.quantization
    head = [
        f"{model} on {gpu}: {total_bytes / _GB:.1f} GB, of which {rows[0].limit_bytes / _GB:.1f} GB are used "
        f"({headroom:.0%} headroom).",
        f"{base} base, {step.optim}, {'with' if step.gradient_checkpointing else 'no'} checkpointing, "
        f"{step.layout} rows, {step.cohort} trial{'s' if step.cohort > 1 else ''} at once. "
        "Predicted peak in GB; x does not fit.",
        "",
    ]
    return "\n".join([*head, *_grid(rows), "", *_parts(rows)])


def _grid(rows: Sequence[FitRow]) -> list[str]:
    batches = sorted({row.step.micro_batch_size for row in rows})
    peaks = {(r.step.lora_rank, r.step.seq_length, r.step.micro_batch_size): r for r in rows}
    largest = {key[1:]: batch for key, batch in largest_batches(rows).items()}
    lines = ["  rank  length " + "".join(f"{f'batch {batch}':>11}" for batch in batches) + "   largest batch"]
    for (rank, length), batch in largest.items():
        cells = "".join(_cell(peaks[rank, length, size]) for size in batches)
        lines.append(f"{rank:6} {length:7} {cells}   {batch or 'none fits':>13}")
    return lines


def _cell(row: FitRow) -> str:
    return f"{row.prediction.predicted_bytes / _GB:9.2f} {' ' if row.fits else 'x'}"


def _parts(rows: Sequence[FitRow]) -> list[str]:
    """Of the largest that fits, else of the smallest."""
    fitting = [row for row in rows if row.fits]
    shown = (
        max(fitting, key=lambda row: row.prediction.predicted_bytes)
        if fitting
        else min(rows, key=lambda row: row.prediction.predicted_bytes)
    )
    step = shown.step
    title = (
        f"Parts at rank {step.lora_rank}, length {step.seq_length}, batch {step.micro_batch_size} "
        f"({'the largest that fits' if fitting else 'the smallest, which does not fit'}):"
    )
    parts = ", ".join(
        f"{name} {size / _GB:.2f}" for name, size in shown.prediction.parts.items() if size >= _GB / 200
    )
    return [title, f"  {parts} GB"]
