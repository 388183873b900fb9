"""Tables and JSON say what the sweep found, and how it was chosen."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from sweeper.events import TrialDiverged
from sweeper.report.as_json import as_json
from sweeper.report.progress import SweepProgress, apply, replay
from sweeper.report.table import end_table, reasons, trials_table
from sweeper.report.text import duration, parameter, parameters, varying
from sweeper.space.trial_config import TrialConfig
from tests.sweep_events import CONFIGS, sweep_events


@pytest.fixture(scope="module")
def progress() -> SweepProgress:
    return replay(SweepProgress("tickets", 4), sweep_events())


def printed(drawing: RenderableType, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(drawing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_base_against_best(progress: SweepProgress) -> None:
    lines = [line.split() for line in printed(end_table(progress)).splitlines() if line.strip()]
    assert lines[0] == ["tickets"]
    assert lines[1] == ["base", "trial", "2,", "best", "of", "4", "tried"]
    assert ["score", "(dev,", "8", "cases)", "0.000", "0.750"] in lines
    assert ["learning_rate", "1e-05"] in lines
    assert ["target_modules", "q_proj,", "v_proj"] in lines
    assert not [line for line in lines if line[0] == "max_steps"]


def test_no_table_before_there_is_a_best() -> None:
    with pytest.raises(ValueError, match="no trial"):
        end_table(SweepProgress("tickets"))


def test_all_trials_those_tied_first_with_what_differs(progress: SweepProgress) -> None:
    head, _, body = printed(trials_table(progress), width=100).partition("─")
    rows = [line.split() for line in body.splitlines()[1:] if line.strip()]
    # Eight cases cannot tell 0, 3 and 2 apart, and 0 has the lowest rank.
    assert [row[0] for row in rows if row[0].isdigit()] == ["0", "3", "2", "1"]
    assert [row[1] for row in rows if row[0].isdigit()] == ["tied", "tied", "tied", "diverged"]
    assert "learning_" in head
    assert "max_" in head
    assert "weight_" not in head
    assert "…" not in head + body
    assert "trial 1 diverged: loss is nan at step 3" in printed(reasons(progress))


def test_a_reason_is_text_and_not_markup(progress: SweepProgress) -> None:
    odd = apply(progress, TrialDiverged(1, 0.0, 3, "[bold]not markup[/nonsense]"))
    assert "trial 1 diverged: [bold]not markup[/nonsense]" in printed(reasons(odd))


def test_json_keeps_its_keys(progress: SweepProgress) -> None:
    found = json.loads(json.dumps(as_json(progress, Path("/home/sweeps/tickets"))))
    assert list(found) == [
        "name",
        "suite",
        "base_score",
        "best",
        "trials",
        "gain",
        "guard",
        "tied",
        "chosen_by",
        "cases",
    ]
    assert found["base_score"] == 0.0
    assert list(found["best"]) == [
        "trial",
        "state",
        "score",
        "parameters",
        "adapter",
        "reason",
        "rung",
        "target_loss",
        "objective",
        "eval_loss",
    ]
    assert found["best"]["trial"] == 2
    assert found["best"]["score"] == 0.75
    assert found["best"]["adapter"] == "/home/sweeps/tickets/trials/0002/adapter"
    assert found["best"]["parameters"]["target_modules"] == ["q_proj", "v_proj"]
    assert [trial["trial"] for trial in found["trials"]] == [0, 1, 2, 3]
    assert found["trials"][1]["adapter"] is None
    assert found["tied"] == [0, 3, 2]
    assert found["cases"][0] == {"case": "case-0", "base": 0.0, "best": 1.0}
    assert sum(case["best"] for case in found["cases"]) / 8 == found["gain"]["difference"] == 0.75
    assert found["gain"]["interval"][0] > 0
    assert found["gain"]["is_settled"] is True
    assert found["gain"]["cases"] == 8


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (3569, "59 min"),
        (3590, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_parameters_in_words() -> None:
    config = TrialConfig(learning_rate=0.000217345, target_modules=("q_proj", "v_proj"))
    assert parameter(config.learning_rate) == "0.000217"
    wanted = "learning_rate 0.000217, target_modules q_proj, v_proj, lora_alpha 32"
    assert parameters(config, ["learning_rate", "target_modules", "max_steps", "lora_alpha"]) == wanted
    assert varying(CONFIGS[:2]) == ["learning_rate", "lora_rank"]
