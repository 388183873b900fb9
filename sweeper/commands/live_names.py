"""What the commands about promoted models share: the names, the server, and what was promoted before."""

from typing import TYPE_CHECKING

from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.promote.history import known_digests, read_reports
from sweeper.promote.live_models import LiveModel, live_models
from sweeper.serving.model_name import ModelName, parse_model_name
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.promote_section import read_quantizations
from sweeper.space.promote_settings import FORMS, Form, Quantization
from sweeper.space.space import PromoteSettings
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown

if TYPE_CHECKING:
    from sweeper.serving.ollama import OllamaClient


def live_name(settings: PromoteSettings, given: str | None) -> ModelName:
    """The name in Ollama: --name where it is given, else the space file's."""
    return parse_model_name(given or settings.name, "--name" if given else "promote.name")


def names_of(settings: PromoteSettings, given: str | None) -> tuple[LiveModel, ...]:
    """All live names of a sweep."""
    return live_models(live_name(settings, given), settings.quantization)


def quantizations(settings: PromoteSettings, given: list[str] | None) -> tuple[Quantization, ...]:
    """--quantization where it is given, else the space file's. Raises InputError."""
    if not given:
        return settings.quantization
    try:
        return read_quantizations([part for text in given for part in text.split(",")])
    except BrokenRule as rule:
        raise InputError("--quantization", rule.problem, rule.fix) from None


def form(settings: PromoteSettings, given: str | None) -> Form:
    """--form where it is given, else the space file's. Raises InputError."""
    if given is None:
        return settings.form
    known = next((form for form in FORMS if form == given.lower()), None)
    if known is None:
        fix = did_you_mean(given, FORMS, "Take one of them")
        raise InputError("--form", f"is {shown(given)}, must be {' or '.join(FORMS)}", fix)
    return known


def connect(settings: PromoteSettings) -> "OllamaClient":
    """The server at promote.host, or at OLLAMA_HOST. Raises UnavailableError where none answers."""
    from sweeper.serving.ollama import OllamaClient

    return OllamaClient.connect(settings.host)


def promoted_digests(home: Home) -> frozenset[str]:
    """The digests of all models that sweeps of this home put into Ollama."""
    folders = (home.sweep(name).promotions for name in home.sweep_names())
    return frozenset(digest for folder in folders for digest in known_digests(read_reports(folder)))
