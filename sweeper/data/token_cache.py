"""Rows are tokenised once for their content, template and tokenizer, for all sweeps and workers."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.data.encode import EncodedRow
from sweeper.data.encode_rows import encode_rows
from sweeper.data.load_rows import RowSet
from sweeper.data.template import Template
from sweeper.data.token_file import read_token_file, write_token_file
from sweeper.space.data_settings import TrainOn

ENCODING_VERSION = 1
"""Raise it with every change of what `encode_rows` makes of a row."""

_log = logging.getLogger(__name__)


def tokenised_rows(
    rows: RowSet, template: Template, train_on: TrainOn, cache: Path | None
) -> Sequence[EncodedRow]:
    """What `encode_rows` makes of `rows`, mapped from the folder `cache`, where it is written first.

    Without a cache, or where nothing can be written there, they are held in memory. Raises InputError
    as `encode_rows` does.
    """
    key = None if cache is None else token_key(rows, template, train_on)
    if cache is None or key is None:
        return encode_rows(rows, template, train_on).rows
    path = cache / f"{key}.arrow"
    if (mapped := read_token_file(path)) is not None:
        return mapped
    made = encode_rows(rows, template, train_on).rows
    try:
        write_token_file(path, made)
    except OSError as error:
        _log.warning("tokenised rows cannot be kept: %s", error)
        return made
    return read_token_file(path) or made


def token_key(rows: RowSet, template: Template, train_on: TrainOn) -> str | None:
    """A digest of all that the token ids hang on; None for a tokenizer that does not tell what it is.

    max_seq_length is not among it: rows are cut afterwards. A prompt is rendered for it, since templates
    may write the day into theirs.
    """
    tokenizer = _tokenizer_text(template.tokenizer)
    if tokenizer is None:
        return None
    digest = hashlib.sha256(tokenizer.encode())
    told = (template.has_own, template.end, template.marks_start, template.prompt("a", "b"))
    text = repr((ENCODING_VERSION, train_on, rows.format, told, template.tokenizer.chat_template))
    digest.update(text.encode())
    for row in rows.rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()


def _tokenizer_text(tokenizer: Any) -> str | None:
    """The tokenizer as its own file has it, but for how the last call was padded or cut."""
    import tokenizers
    import transformers

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    content = {**json.loads(backend.to_str()), "padding": None, "truncation": None}
    versions = (transformers.__version__, tokenizers.__version__)
    return json.dumps([content, versions, str(tokenizer.special_tokens_map)])
