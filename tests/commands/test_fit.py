"""`sweep fit`: bad input told before torch, and rows that say what they were predicted for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.commands.fit import FitOptions, fit
from sweeper.errors import InputError, SweepError
from tests.memory.small import SMALL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a config.json and nothing else."""
    (tmp_path / "config.json").write_text(SMALL.text)
    return tmp_path


def test_json_has_a_row_for_each_combination(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(
        str(folder),
        FitOptions("1GB", rank="8,16", batch="1", seq="128,256", quantization="nf4", as_json=True),
    )
    rows = json.loads(capsys.readouterr().out)
    assert [(row["lora_rank"], row["max_seq_length"]) for row in rows] == [
        (8, 128),
        (8, 256),
        (16, 128),
        (16, 256),
    ]
    for row in rows:
        assert row["predicted_bytes"] == sum(row["parts"].values())
        assert row["fits"] == (row["predicted_bytes"] <= row["limit_bytes"])
        assert (row["quantization"], row["optim"], row["cohort"]) == ("nf4", "adamw_torch", 1)


def test_the_table_names_the_largest_batch_that_fits(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = FitOptions("1.3GB", rank="8", batch="1,2,64", seq="512", checkpointing=True)
    fit(str(folder), options)
    printed = capsys.readouterr().out
    assert "1.3 GB, of which 1.2 GB are used (5% headroom)" in printed
    (line,) = [line for line in printed.splitlines() if line.split()[:2] == ["8", "512"]]
    assert line.split()[-1] == "2"
    assert line.count("x") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpu": "24"}, "--gpu 24: this has no unit. Write 24GB."),
        ({"rank": "8,x"}, "--rank 8,x: 'x' is no whole number. Write for example --rank 8,16."),
        ({"batch": "0"}, "--batch 0: must be from 1 to 4096. Write a number within."),
        ({"seq": "4"}, "--seq 4: must be from 8 to 1048576. Write a number within."),
        ({"seq": ""}, "--seq : '' is no whole number. Write for example --seq 8,16."),
        ({"cohort": 0}, "--cohort 0: must be from 1 to 64. Write a number within."),
        ({"quantization": "nf8"}, "--quantization nf8: must be one of none, nf4. Did you mean 'nf4'?"),
        (
            {"optim": "adamw"},
            "--optim adamw: must be one of adamw_torch, adamw_8bit, paged_adamw_8bit. "
            "Did you mean 'adamw_8bit'?",
        ),
    ],
)
def test_bad_input_is_one_line(folder: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        fit(str(folder), FitOptions(**{"gpu": "24GB", **changes}))  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize("content", ["{}", "not json", '{"model_type": "nothing"}'])
def test_a_config_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(SweepError) as caught:
        fit(str(tmp_path), FitOptions("24GB"))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_bad_input_is_told_before_torch_is_imported(folder: Path) -> None:
    program = (
        "import sys\n"
        "from sweeper.commands.fit import FitOptions, fit\n"
        f"try: fit({str(folder)!r}, FitOptions('24GB', optim='x'))\n"
        "except Exception: pass\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
