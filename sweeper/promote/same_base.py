"""The base that an adapter is merged into must be the one that it was trained on."""

from sweeper.errors import InputError
from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import weights_sha256

_SHORT = 12


def refuse_changed_base(reference: BaseReference, trained_sha256: str) -> str:
    """Raises InputError where the weights are others than at training. Reads them whole; gives their hash.

    Not covered: trials of before, whose base was not hashed ("").
    """
    if not trained_sha256:
        return ""
    now = weights_sha256(reference)
    if now != trained_sha256:
        raise InputError(
            f"model.base: {reference.text}",
            f"the base weights changed since training (sha256 {now[:_SHORT] or 'of nothing'}..., "
            f"was {trained_sha256[:_SHORT]}...)",
            "Put the old weights back, or train again with --fresh",
        )
    return now
