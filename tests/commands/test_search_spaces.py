"""Each space for a large model on a small card fits it, by `sweep check` and by the model's config alone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.commands.check import check
from sweeper.errors import UnavailableError
from sweeper.home import Home
from sweeper.space.load import load_space
from tests.memory.known_models import HUB_IDS, KNOWN_MODELS

ROOT = Path(__file__).parents[2]

LARGEST_BATCHES = {
    "qlora-8b-24gb": {512: 8, 1024: 4, 2048: 2, 4096: 1},
    "qlora-7b-24gb": {512: 16, 1024: 16, 2048: 8, 4096: 4},
    "qlora-8b-16gb": {512: 4, 1024: 2, 2048: 1},
    "qlora-7b-12gb": {512: 8, 1024: 4, 2048: 2},
}
"""By length in tokens, at rank 64."""


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What check says of a space, with a folder that holds a config.json in the place of its hub id."""
    for folder in ("search_spaces", "evaluation"):
        shutil.copytree(ROOT / folder, tmp_path / folder)

    def checked(name: str, gpu: str | None = None) -> str:
        path = tmp_path / "search_spaces" / f"{name}.yaml"
        hub_id = load_space(path).base
        model = path.parent / hub_id
        model.mkdir(parents=True, exist_ok=True)
        (model / "config.json").write_text(KNOWN_MODELS[HUB_IDS[hub_id]].text)
        check(Home(tmp_path / "mlruns"), path, gpu)
        return " ".join(capsys.readouterr().out.split())

    return checked


def test_every_space_but_the_quickstart_is_held_to_its_card() -> None:
    assert {path.stem for path in (ROOT / "search_spaces").glob("*.yaml")} == {*LARGEST_BATCHES, "quickstart"}


@pytest.mark.parametrize("name", LARGEST_BATCHES)
def test_a_space_fits_its_card_by_config_alone(told: Callable[..., str], name: str) -> None:
    text = told(name)
    assert "holds no tokenizer" in text
    for length, batch in LARGEST_BATCHES[name].items():
        assert f"{length} tokens: micro-batch up to {batch} (" in text
    assert text.count("at rank 64)") == len(LARGEST_BATCHES[name])
    assert "does not fit" not in text
    assert "no rank above" not in text
    assert text.endswith("the whole model has to be here, with weights and tokenizer.")


def test_on_a_smaller_card_it_says_what_fits_and_what_would_help(told: Callable[..., str]) -> None:
    text = told("qlora-8b-24gb", "12GB")
    assert "Memory: 12.0 GB a device, 11.4 GB to use" in text
    assert "6 of 12 pairs of max_seq_length and lora_rank fit; the rest is pruned." in text
    assert "2048 tokens: does not fit" in text
    assert text.count("does not fit") == 2
    assert "nothing here is enough (17.3 GB with all): take shorter rows (max_seq_length 1024)." in text


@pytest.mark.parametrize("missing", ["AutoConfig", "AutoTokenizer"])
def test_a_model_that_cannot_be_had_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    import transformers

    def out_of_reach(*_: object, **__: object) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co' to load the files, and ...\nmore")

    monkeypatch.setattr(
        transformers.AutoConfig, "from_pretrained", lambda *_: KNOWN_MODELS["Qwen3-8B"].load()
    )
    monkeypatch.setattr(getattr(transformers, missing), "from_pretrained", out_of_reach)
    with pytest.raises(UnavailableError) as caught:
        check(Home(tmp_path / "mlruns"), ROOT / "search_spaces" / "qlora-8b-24gb.yaml")
    what = "config.json" if missing == "AutoConfig" else "tokenizer"
    assert str(caught.value).startswith(f"Qwen/Qwen3-8B: its {what} is neither in the cache nor to be had")
    assert "\n" not in str(caught.value)
