"""The pages in search_spaces/, evaluation/ and mlruns/ name what lies there."""

from pathlib import Path

import pytest

from sweeper.home import Home
from sweeper.scoring.load_suite import load_suite

ROOT = Path(__file__).parents[1]


def page(folder: str) -> str:
    return (ROOT / folder / "README.md").read_text(encoding="utf-8")


def test_every_space_has_its_line() -> None:
    for path in (ROOT / "search_spaces").glob("*.yaml"):
        assert f"[{path.name}]({path.name})" in page("search_spaces")


@pytest.mark.parametrize("path", sorted((ROOT / "evaluation").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_suite_has_its_line_with_its_number_of_cases(path: Path) -> None:
    (line,) = [line for line in page("evaluation").splitlines() if line.startswith(f"| `{path.name}` |")]
    assert line.split("|")[2].split(",")[0].strip() == str(len(load_suite(path).cases))


def test_every_place_of_a_home_is_named() -> None:
    home = Home(Path("mlruns"))
    places = [home.artifacts, home.answer_cache, home.token_cache, home.dequantised]
    folder = home.sweep("NAME")
    places += [
        folder.events,
        folder.lock,
        folder.space,
        folder.space_path,
        folder.test_looks,
        folder.promotions,
    ]
    places += [folder.trial(3), folder.checkpoint(3)]
    for place in places:
        within = place.relative_to(folder.path if "NAME" in place.parts else home.mlruns)
        assert f"`{within}" in page("mlruns")
    for uri in (home.mlflow_uri, home.optuna_uri):
        assert f"`{Path(uri).name}`" in page("mlruns")
