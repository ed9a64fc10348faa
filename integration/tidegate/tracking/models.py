"""What MLflow knows of models: which datasets a run was given, and which runs were given a dataset."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.errors import Misuse, TidegateError
from tidegate.tracking.mlflow_run import INTEGRATION
from tidegate.tracking.servers import without_password
from tidegate.tracking.to_mlflow import installed, quietly

if TYPE_CHECKING:
    from mlflow import MlflowClient

_AT_ONCE = 100  # digests in one query
_PAGE = 1_000
_MOST_PARENTS = 10


@dataclass(frozen=True)
class Model:
    """A run that was given a dataset of ours: what was trained, or scored, in it.

    Attributes:
        run: the run's id.
        registered: the versions of registered models that came from it, as ``NAME/VERSION``.
        datasets: the datasets that it was given, as uri and version.
    """

    run: str
    name: str
    experiment: str
    status: str
    registered: tuple[str, ...]
    datasets: tuple[tuple[str, int], ...]


class Models:
    """The models of one tracking server or store.

    Args:
        uri: where it is.

    Every method raises `TidegateError` where it cannot be asked, and `Misuse` where MLflow is not installed.
    """

    def __init__(self, uri: str) -> None:
        if not installed():
            raise Misuse("MLflow is not installed.", "pip install 'tidegate[pipeline]'")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self._failure: type[Exception] = MlflowException
        self._where = without_password(uri)
        for talkative in ("mlflow", "alembic"):  # of a database that is not there they print what its driver says
            logging.getLogger(talkative).setLevel(logging.ERROR)
        with quietly():
            self._client: MlflowClient = self._asked(lambda: MlflowClient(tracking_uri=uri, registry_uri=uri))

    def named(self, name: str) -> Model:
        """The model that is meant by a run's id, ``runs:/``, ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``.

        A run that was given no dataset of ours has those of the run that it is nested under.

        Raises:
            Misuse: there is no such model, or no dataset of ours was given to it.
        """
        with quietly():
            model = self._model(self._run(name), deep=True)
        if not model.datasets:
            raise Misuse(
                f"The run {model.run} of {self._where} was given no version of a pool.",
                "Call dataset.log_input() in the run that trains: `result.dataset` of an integration has it.",
            )
        return model

    def given(self, digests: Mapping[str, tuple[str, int]]) -> list[Model]:
        """The runs that were given any of these versions, oldest first. Integrations are none.

        Args:
            digests: per digest of a version, its uri and version.
        """
        if not digests:
            return []
        with quietly():
            experiments = self._asked(lambda: [one.experiment_id for one in self._paged("search_experiments")])
            found: dict[str, Any] = {}
            wanted = sorted(digests)
            for start in range(0, len(wanted), _AT_ONCE):
                listed = ", ".join(f"'{digest}'" for digest in wanted[start : start + _AT_ONCE])
                runs = self._asked(lambda text=f"dataset.digest IN ({listed})": list(self._runs(experiments, text)))
                found |= {run.info.run_id: run for run in runs if INTEGRATION not in run.data.tags}
            runs = sorted(found.values(), key=lambda run: (run.info.start_time, run.info.run_id))
            return [self._model(run) for run in runs]

    def _runs(self, experiments: list[str], text: str) -> Iterator[Any]:
        return self._paged("search_runs", experiments, text)

    def _paged(self, method: str, *arguments: Any) -> Iterator[Any]:
        token = None
        while True:
            page = getattr(self._client, method)(*arguments, max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _run(self, name: str) -> Any:
        kind, _, rest = name.partition(":/")
        if kind == "models" and rest:
            run = self._asked(lambda: self._run_of_registered(rest))
            if not run:
                raise Misuse(f"MLflow does not say which run {name} came from.", "Name the run: runs:/RUN_ID.")
        else:
            run = rest.partition("/")[0] if kind == "runs" else name
        return self._asked(lambda: self._client.get_run(run))

    def _run_of_registered(self, rest: str) -> str | None:
        if "@" in rest:
            found: str | None = self._client.get_model_version_by_alias(*rest.rsplit("@", 1)).run_id
        elif "/" in rest:
            found = self._client.get_model_version(*rest.rsplit("/", 1)).run_id
        else:
            found = self._client.get_logged_model(rest).source_run_id
        return found

    def _model(self, run: Any, deep: bool = False) -> Model:
        experiment = self._asked(lambda: self._client.get_experiment(run.info.experiment_id))
        versions = self._asked(lambda: self._client.search_model_versions(f"run_id = '{run.info.run_id}'"))
        datasets = tuple(_datasets(run))
        above, steps = run, 0
        while deep and not datasets and (parent := above.data.tags.get("mlflow.parentRunId")) and steps < _MOST_PARENTS:
            above, steps = self._asked(lambda parent=parent: self._client.get_run(parent)), steps + 1
            datasets = tuple(_datasets(above))
        return Model(
            run=run.info.run_id,
            name=run.info.run_name or "",
            experiment=experiment.name,
            status=run.info.status,
            registered=tuple(sorted(f"{version.name}/{version.version}" for version in versions)),
            datasets=datasets,
        )

    def _asked(self, question: Any) -> Any:
        """The answer, or what kept it from us, in words: MLflow's own messages may quote credentials."""
        try:
            return question()
        except self._failure as error:
            code = getattr(error, "error_code", None)
            if code == "RESOURCE_DOES_NOT_EXIST":
                raise Misuse(f"{self._where} knows of no such model or run.", "Is it the right server?") from None
            raise TidegateError(f"{self._where} does not answer ({code}).", "Try again when it is there.") from None
        except Exception as error:  # noqa: BLE001 - of SQLAlchemy, requests and others, none in our words
            kind = type(error).__name__
            raise TidegateError(f"{self._where} cannot be asked ({kind}).", "Is it the right server?") from None


def _datasets(run: Any) -> Iterable[tuple[str, int]]:
    """The versions of Delta tables that a run was given. An integration was given those that it made."""
    for one in run.inputs.dataset_inputs if run.inputs is not None else ():
        try:
            source = json.loads(one.dataset.source)
            if one.dataset.source_type == "delta_table":
                yield os.fspath(source["path"]), int(source["delta_table_version"])
        except (KeyError, TypeError, ValueError):  # not by us
            continue
