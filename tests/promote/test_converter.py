"""Where the converter comes from, and how its failure is told."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from sweeper.errors import InputError, SweepError, UnavailableError
from sweeper.promote import sdist
from sweeper.promote.converter import convert_to_gguf, find_converter

SCRIPT = """
import os, sys
folder, gguf = sys.argv[1], sys.argv[sys.argv.index("--outfile") + 1]
print("INFO: path begins with", os.environ["PYTHONPATH"].split(os.pathsep)[0])
if folder.endswith("bad"):
    raise NotImplementedError("BPE pre-tokenizer was not recognized")
if not folder.endswith("silent"):
    open(gguf, "wb").write(b"GGUF")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "llama.cpp").mkdir()
    (tmp_path / "llama.cpp" / "convert_hf_to_gguf.py").write_text(SCRIPT)
    return tmp_path / "llama.cpp"


def test_a_checkout_may_be_given_as_folder_or_script(checkout: Path) -> None:
    script = checkout / "convert_hf_to_gguf.py"
    assert find_converter(checkout) == find_converter(script) == script
    with pytest.raises(InputError, match=r"there is no convert_hf_to_gguf\.py"):
        find_converter(checkout.parent)


def test_its_own_gguf_comes_first(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    convert_to_gguf(find_converter(checkout), tmp_path / "good", tmp_path / "model.gguf", log)
    assert f"path begins with {checkout / 'gguf-py'}" in log.read_text()


def test_its_last_line_is_told_and_its_log_kept(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(SweepError) as error:
        convert_to_gguf(find_converter(checkout), tmp_path / "bad", tmp_path / "model.gguf", log)
    told = "llama.cpp's converter failed: NotImplementedError: BPE pre-tokenizer was not recognized."
    assert str(error.value) == f"{told} Its log is {log}."
    assert "Traceback" in log.read_text()


def test_success_without_a_file_is_failure(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="converter failed"):
        convert_to_gguf(
            find_converter(checkout), tmp_path / "silent", tmp_path / "model.gguf", tmp_path / "l"
        )


def archive(path: Path, *names: str) -> str:
    """An archive of files that hold their own names, and of a link. Returns its hash."""
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(f"{sdist.ROOT}/{name}")
            entry.size, entry.mode = len(name), 0o777
            tar.addfile(entry, io.BytesIO(name.encode()))
        link = tarfile.TarInfo(f"{sdist.ROOT}/conversion/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def test_only_the_converter_is_taken_out_of_the_archive(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["convert_hf_to_gguf.py", "conversion/llama.py", "gguf-py/gguf/vocab.py"]
    digest = archive(
        cache / f"llama_cpp_python-{sdist.VERSION}.tar.gz",
        *wanted,
        "src/llama.cpp",
        "conversion/../../evil.py",
    )
    monkeypatch.setattr(sdist, "_SHA256", digest)
    script = find_converter()
    assert script.read_text() == "convert_hf_to_gguf.py"
    assert {path.name for path in cache.rglob("*.py")} == {Path(name).name for name in wanted}
    assert not any(path.is_symlink() for path in cache.rglob("*"))
    assert find_converter() == script


def test_an_archive_of_another_hash_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(folder: Path) -> None:
        (folder / f"llama_cpp_python-{sdist.VERSION}.tar.gz").write_bytes(b"something else")

    monkeypatch.setattr(sdist, "_download", download)
    with pytest.raises(UnavailableError, match=r"has sha256 .*: not used"):
        sdist.fetch_sdist()
    assert list(cache.iterdir()) == []


def test_a_damaged_archive_is_downloaded_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"llama_cpp_python-{sdist.VERSION}.tar.gz"
    (cache / name).write_bytes(b"cut off")
    monkeypatch.setattr(sdist, "_SHA256", hashlib.sha256(b"whole").hexdigest())
    monkeypatch.setattr(sdist, "_download", lambda folder: (folder / name).write_bytes(b"whole"))
    assert sdist.fetch_sdist().read_bytes() == b"whole"


def test_without_an_index_one_line_tells_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(UnavailableError) as error:
        sdist.fetch_sdist()
    assert "pip could not download llama-cpp-python" in str(error.value)
    assert "--converter" in str(error.value)
    assert "\n" not in str(error.value)
