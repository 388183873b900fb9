"""A SentencePiece vocabulary of some plain lines, for models that are tiny and random."""

import io
from pathlib import Path
from typing import Any

from sweeper.scoring.suite import Case, Suite

TEXTS = [
    "The parcel of order 1203 has not come.",
    "Where is my parcel? I ordered two cups on 3 May.",
    "A cup was broken; please send 1 more, or pay back 45.90.",
    "Instruction: answer in one line. Input: the question. Output: the answer.",
]
SUITE = Suite("test", Path("test"), tuple(Case(f"case {i}", t, "", "?") for i, t in enumerate(TEXTS)), 8)


def write_vocabulary(folder: Path, **settings: Any) -> Path:
    """Writes tokenizer.model; `settings` are sentencepiece's own. Returns the folder."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=model,
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        minloglevel=2,
        **settings,
    )
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return folder
