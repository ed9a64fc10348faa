"""The OpenLineage events of one integration: what ran, on which datasets, and what came of it.

Facets hold names, types, counts and checks, and no cell's value.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tidegate import __version__
from tidegate.columns import Column
from tidegate.receipt import Submission
from tidegate.tracking.outcome import Outcome

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

    from tidegate.registry import Contract

_PRODUCER = f"urn:tidegate:{__version__}"
_MOST_FILES = 1_000
"""An event names so many files of a submission, and no more: catalogues take one event as one request."""
_SEVERITIES = {"critical": "error", "warning": "warn", "info": "warn"}


@dataclass(frozen=True)
class Job:
    """What runs: a submission on its way to a place.

    Attributes:
        run: the id of this attempt; a retry has another.
        contract: what the submission's files are of.
        target: where accepted rows go.
    """

    run: str
    submission: Submission
    contract: Contract
    target: str


def started(job: Job) -> RunEvent:
    """The event of an integration that begins."""
    return _event(job, "START", _files(job, None))


def completed(job: Job, outcome: Outcome) -> RunEvent:
    """The event of an integration that published, or that had been published before."""
    return _event(job, "COMPLETE", [*_files(job, outcome), *_pool(outcome)], _outputs(job, outcome))


def failed(job: Job, why: str, outcome: Outcome | None = None) -> RunEvent:
    """The event of an integration that published nothing: the submission was rejected, or it broke off."""
    from openlineage.client.facet_v2 import error_message_run as facets

    error = facets.ErrorMessageRunFacet(message=why, programmingLanguage="PYTHON", producer=_PRODUCER)
    inputs = [*_files(job, outcome), *(_pool(outcome) if outcome is not None else ())]
    return _event(job, "FAIL", inputs, facets={"errorMessage": error})


def _event(
    job: Job,
    kind: str,
    inputs: Iterable[InputDataset],
    outputs: Iterable[OutputDataset] = (),
    facets: dict[str, Any] | None = None,
) -> RunEvent:
    from openlineage.client import event_v2 as events
    from openlineage.client.facet_v2 import job_type_job, processing_engine_run

    engine = processing_engine_run.ProcessingEngineRunFacet(version=__version__, name="tidegate", producer=_PRODUCER)
    kind_of_job = job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="TIDEGATE", jobType="JOB", producer=_PRODUCER
    )
    return events.RunEvent(
        eventType=events.RunState(kind),
        eventTime=datetime.now(UTC).isoformat(),
        run=events.Run(job.run, facets={"processing_engine": engine, **(facets or {})}),
        job=events.Job(
            os.environ.get("OPENLINEAGE_NAMESPACE") or "tidegate",
            f"integrate_contributed_data.{job.contract.name}",
            facets={"jobType": kind_of_job},
        ),
        inputs=list(inputs),
        outputs=list(outputs),
        producer=_PRODUCER,
    )


def _files(job: Job, outcome: Outcome | None) -> Iterator[InputDataset]:
    """The submission's files. What was counted and checked is of all of them, and stands with the first."""
    from openlineage.client import event_v2 as events
    from openlineage.client.facet_v2 import input_statistics_input_dataset

    schema = _schema(job.contract.columns)
    for number, file in enumerate(job.submission.files[:_MOST_FILES]):
        told: dict[str, Any] = {
            "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                size=file.bytes, fileCount=1, producer=_PRODUCER
            )
        }
        if number == 0 and outcome is not None:
            told.update(_judged(outcome))
        facets = {"schema": schema, "version": _version(file.sha256)}
        yield events.InputDataset(*named(file.uri), facets=facets, inputFacets=told)


def _judged(outcome: Outcome) -> Iterator[tuple[str, Any]]:
    """What was counted in a submission, and which checks it passed."""
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as assertions
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset as metrics

    files = outcome.receipt.submission.files
    yield (
        "dataQualityMetrics",
        metrics.DataQualityMetricsInputDatasetFacet(
            columnMetrics={},
            rowCount=outcome.receipt.rows.read,
            bytes=sum(file.bytes for file in files),
            fileCount=len(files),
            producer=_PRODUCER,
        ),
    )
    if outcome.report is None:
        return
    told = [
        assertions.Assertion(
            assertion=check.kind,
            success=check.status == "passed",
            column=check.column,
            severity=_SEVERITIES[check.severity],
            name=check.id,
        )
        for check in outcome.report.checks
    ]
    yield "dataQualityAssertions", assertions.DataQualityAssertionsDatasetFacet(assertions=told, producer=_PRODUCER)


def _pool(outcome: Outcome) -> Iterator[InputDataset]:
    """The pool as it was: what the submission was compared and merged with."""
    from openlineage.client import event_v2 as events

    uri, version = outcome.pool_before
    if version is not None:
        yield events.InputDataset(*named(uri), facets={"version": _version(str(version))})


def _outputs(job: Job, outcome: Outcome) -> Iterator[OutputDataset]:
    from openlineage.client import event_v2 as events
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    receipt = outcome.receipt
    if receipt.dataset_version is None:  # nothing was left to append, to a pool that is not there yet
        return
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=receipt.rows.accepted, producer=_PRODUCER
    )
    facets = {"schema": _schema(outcome.columns), "version": _version(str(receipt.dataset_version))}
    yield events.OutputDataset(*named(job.target), facets=facets, outputFacets={"outputStatistics": statistics})


def _version(version: str) -> Any:
    from openlineage.client.facet_v2 import dataset_version_dataset

    return dataset_version_dataset.DatasetVersionDatasetFacet(version, producer=_PRODUCER)


def _schema(columns: Sequence[Column]) -> Any:
    from openlineage.client.facet_v2 import schema_dataset as facets

    fields = [
        facets.SchemaDatasetFacetFields(
            name=column.name, type=column.type, description=column.description or None, ordinal_position=number
        )
        for number, column in enumerate(columns, 1)
    ]
    return facets.SchemaDatasetFacet(fields=fields, producer=_PRODUCER)


def named(uri: str) -> tuple[str, str]:
    """A place as OpenLineage names datasets: a namespace, and a name in it."""
    parts = urlsplit(uri) if "://" in uri else None
    if parts is None:
        return "file", str(Path(uri).absolute())
    return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/") or "/"
