"""A promoted model as a folder to keep or to give away: the file, a Modelfile, a model card, the report."""

import dataclasses
import json
import shutil
from pathlib import Path

from sweeper.errors import InputError
from sweeper.promote.file_names import ADAPTER_GGUF, MODEL_GGUF
from sweeper.promote.promotion import Promotion, write_json
from sweeper.space.promote_settings import Form

_FILES = (MODEL_GGUF, ADAPTER_GGUF, "Modelfile", "README.md", "promotion.json")

_FORMS: dict[Form, str] = {"merged": "merged, in f16", "adapter": "as an adapter beside its base in f16"}


def refuse_full_folder(folder: Path) -> None:
    """Raises InputError where `folder` holds anything but an earlier export."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--export {folder}", "there is a file of this name", "Name a folder")
    strange = sorted(path.name for path in folder.glob("*") if path.name not in _FILES)
    if strange:
        raise InputError(
            f"--export {folder}", f"the folder holds other files ({strange[0]})", "Name a new or empty folder"
        )


def export(promotion: Promotion, gguf: Path, folder: Path, adapter_gguf: Path | None = None) -> None:
    """Fills `folder`. The .gguf is the f16 file that was proven, as it was uploaded: the base's, where the
    adapter has a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ADAPTER_GGUF).unlink(missing_ok=True)
    shutil.copyfile(gguf, folder / MODEL_GGUF)
    if adapter_gguf is not None:
        shutil.copyfile(adapter_gguf, folder / ADAPTER_GGUF)
    (folder / "Modelfile").write_text(modelfile(promotion), encoding="utf-8")
    (folder / "README.md").write_text(model_card(promotion), encoding="utf-8")
    write_json(dataclasses.asdict(promotion), folder / "promotion.json")


def modelfile(promotion: Promotion) -> str:
    """What `ollama create NAME -f Modelfile` makes the same model of."""
    lines = [f"FROM ./{MODEL_GGUF}", *([f"ADAPTER ./{ADAPTER_GGUF}"] if promotion.form == "adapter" else [])]
    if promotion.go_template is not None:
        lines.append(f'TEMPLATE """{promotion.go_template}"""')
    if promotion.system is not None:
        lines.append(f'SYSTEM """{promotion.system}"""')
    for name, value in promotion.parameters.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"PARAMETER {name} {json.dumps(each, ensure_ascii=False)}" for each in values]
    return "\n".join(lines) + "\n"


def model_card(promotion: Promotion) -> str:
    """What the model is, where it comes from, and what was proven of it."""
    lineage = promotion.lineage
    base = lineage.base if lineage else "unknown"
    lines = [
        *("---", f"base_model: {json.dumps(base)}", "library_name: gguf", "---", f"# {promotion.name}", ""),
        f"A LoRA fine-tune of `{base}`, {_FORMS[promotion.form]}. Promoted on {promotion.finished}.",
        "",
    ]
    if lineage:
        lines += [f"- sweep `{lineage.sweep}`, trial {lineage.trial}"]
        lines += [f"- {key}: {value}" for key, value in lineage.data_sha256.items()]
        lines += [f"- adapter: sha256:{lineage.adapter_sha256}"]
    if promotion.merge is not None:
        lines += [f"- trained on nf4, merged into the {promotion.merge.taken} base, the better one on dev"]
    lines += [f"- GGUF: sha256:{promotion.gguf_sha256}, md5:{promotion.gguf_md5}"]
    if promotion.form == "adapter":
        lines += [f"- the adapter's GGUF: sha256:{promotion.adapter_gguf_sha256}"]
    lines += [""]
    lines += [f"| model in Ollama | quantization | {promotion.suite} |", "|---|---|---|"]
    lines += [
        f"| {model.name} | {model.quantization} | {_score(model.score)} |" for model in promotion.models
    ]
    lines += ["", "| proof | | what was seen |", "|---|---|---|"]
    for proof in promotion.proofs:
        detail = proof.detail.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {proof.name} | {'holds' if proof.passed else 'FAILS'} | {detail} |")
    return "\n".join(lines) + "\n"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
