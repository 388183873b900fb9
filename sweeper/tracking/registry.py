"""Promoted models in MLflow's registry: one registered model per name in Ollama, one version per promotion.

Written from the reports of promotions and from what the names in Ollama have now. All of it may be
repeated: versions are found again by their tags, so what a run could not write the next one does.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.errors import UnavailableError
from sweeper.home import Home
from sweeper.tracking.runs import failures, make_client, probe, trial_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, PREVIOUS = "champion", "previous"
_DIGEST, _FINISHED, _NAME = "sweeper.ollama_digest", "sweeper.finished", "sweeper.ollama_name"
_FROM_REPORT = ("form", "gguf_sha256", "gguf_md5", "adapter_gguf_sha256", "server_version", "is_forced")
_FROM_LINEAGE = ("sweep", "trial", "base", "adapter_sha256", "base_sha256")
_FROM_MODEL = ("quantization", "score")

Report = Mapping[str, Any]
"""A promotion as its JSON file has it."""


@dataclass(frozen=True, slots=True)
class Digests:
    """What a name in Ollama has now, and the model that it had before; None where there is none."""

    live: str | None
    previous: str | None


def registered_name(ollama_name: str) -> str:
    """The name in MLflow, which takes neither "/" nor ":". The tag `latest` is left out.

    me/bot:v1 becomes me--bot--v1. Two names that come to the same are told apart by a tag, and refused.
    """
    return ollama_name.removesuffix(":latest").replace("/", "--").replace(":", "--")


def keep_promotions(
    home: Home, sweep: str, reports: Iterable[Report], names: Mapping[str, Digests]
) -> list[str]:
    """Registers what went live, and gives each name's aliases `champion` and `previous` to the versions
    whose models it has and had. Returns the registered models of `names`.

    `reports` are those that changed live names, the oldest first. An alias whose model no report tells
    of is taken away. Raises UnavailableError where MLflow cannot be written.
    """
    try:
        probe(home.mlflow_uri)
        registry = _Registry(make_client(home.mlflow_uri), sweep)
        for report in reports:
            for model in report["models"]:
                registry.keep(report, model)
        for name, digests in names.items():
            registry.point(name, CHAMPION, digests.live)
            registry.point(name, PREVIOUS, digests.previous)
    except failures() as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(f"MLflow's registry cannot be written ({reason}).") from error
    return [registered_name(name) for name in names]


class _Registry:
    def __init__(self, client: "MlflowClient", sweep: str) -> None:
        self._client, self._sweep = client, sweep
        self._versions: dict[str, list[Any]] = {}

    def keep(self, report: Report, model: Mapping[str, Any]) -> None:
        """Makes the version of one model of a promotion, unless it is there."""
        name, key = str(model["name"]), (str(model["digest"]), str(report["finished"]))
        if any((one.tags.get(_DIGEST), one.tags.get(_FINISHED)) == key for one in self._known(name)):
            return
        run_id = trial_run(self._client, self._sweep, (report.get("lineage") or {}).get("trial"))
        path = f"promotions/{report['finished'].replace(':', '')}-{registered_name(name)}.json"
        source = "sweeper:report"
        if run_id is not None:
            self._client.log_text(run_id, json.dumps(report, indent=2, ensure_ascii=False), path)
            self._client.set_tag(run_id, "sweeper.promoted_as", name)
            source = f"runs:/{run_id}/{path}"
        version = self._client.create_model_version(
            registered_name(name), source, run_id, tags=_tags(report, model)
        )
        self._versions[name].append(version)

    def point(self, name: str, alias: str, digest: str | None) -> None:
        """The latest version of that digest gets the alias; nobody has it where there is none."""
        found = [one for one in self._known(name) if digest and one.tags.get(_DIGEST) == digest]
        if found:
            latest = max(found, key=lambda one: int(one.version))
            self._client.set_registered_model_alias(registered_name(name), alias, str(latest.version))
        elif self._versions[name]:
            self._client.delete_registered_model_alias(registered_name(name), alias)

    def _known(self, name: str) -> list[Any]:
        """The versions of a model, which is made where it is missing. Raises UnavailableError where
        another name in Ollama has it."""
        if name not in self._versions:
            registered = registered_name(name)
            found = self._client.search_registered_models(f"name = '{registered}'")
            if not found:
                self._client.create_registered_model(registered, {_NAME: name})
            elif found[0].tags.get(_NAME, name) != name:
                raise UnavailableError(
                    f"MLflow's registered model {registered} is of {found[0].tags[_NAME]}, so {name} is not "
                    "registered. Promote under another --name."
                )
            self._versions[name] = list(self._client.search_model_versions(f"name = '{registered}'"))
        return self._versions[name]


def _tags(report: Report, model: Mapping[str, Any]) -> dict[str, str]:
    """What links a version to its run, its files and its model in Ollama."""
    lineage = report.get("lineage") or {}
    parts = ((report, _FROM_REPORT), (lineage, _FROM_LINEAGE), (model, _FROM_MODEL))
    found = {f"sweeper.{key}": part.get(key) for part, keys in parts for key in keys}
    found |= _merge_tags(report.get("merge"))
    named = {_NAME: model["name"], _DIGEST: model["digest"], _FINISHED: report["finished"]}
    return {key: str(value) for key, value in {**found, **named}.items() if value not in (None, "")}


def _merge_tags(merge: Mapping[str, Any] | None) -> dict[str, Any]:
    """Which base an adapter that was trained on nf4 was merged into, and what each merge came to on dev."""
    if merge is None:
        return {}
    scores = {f"sweeper.dev_{into}": merge[into]["objective"] for into in ("dequantised", "original")}
    return {"sweeper.merged_into": merge["taken"], **scores}
