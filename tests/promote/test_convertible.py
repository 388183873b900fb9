"""Whether the converter takes a base is asked once, with its settings and its tokenizer and no weights."""

from pathlib import Path

import pytest

from sweeper.models.load import Base
from sweeper.promote.convertible import vocabulary_of
from tests.promote.tiny import tiny_base

SCRIPT = """
import json, sys
from pathlib import Path
folder, gguf = Path(sys.argv[1]), Path(sys.argv[sys.argv.index("--outfile") + 1])
with Path(__file__).with_name("calls").open("a") as calls:
    calls.write("x")
assert "--vocab-only" in sys.argv and not list(folder.glob("*.safetensors"))
assert (folder / "tokenizer.json").is_file()
config = json.loads((folder / "config.json").read_text())
if config["hidden_act"] != "silu":
    print(f"ERROR: {config['architectures'][0]} with {config['hidden_act']} is not known")
    sys.exit(1)
gguf.touch()
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Base:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    return tiny_base(tmp_path / "base")


def test_what_the_converter_says_is_told_and_kept(base: Base, tmp_path: Path) -> None:
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text(SCRIPT)
    assert [vocabulary_of(base.reference, base.tokenizer, script).refusal for _ in range(2)] == [None, None]
    assert (tmp_path / "calls").read_text() == "x"
    base.model.config.hidden_act = "gelu"
    base.model.config.save_pretrained(base.reference.source)
    told = [vocabulary_of(base.reference, base.tokenizer, script).refusal for _ in range(2)]
    assert told == ["ERROR: LlamaForCausalLM with gelu is not known."] * 2
    assert (tmp_path / "calls").read_text() == "xx"
