"""`tidegate lineage`: from a model back to the submissions that it was trained on, and forward to the models."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.options import Format, FormatOption
from tidegate.errors import Misuse, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.pool import Contribution
    from tidegate.tracking.lineage import SubmissionLineage, VersionLineage
    from tidegate.tracking.models import Model


def lineage(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|SUBMISSION|POOL@VERSION",
            help="runs:/ID, models:/NAME/VERSION, a submission's id or how it begins, or a pool's version.",
        ),
    ],
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="POOL", help="The pool in which a submission is looked for.")
    ] = None,
    state_dir: Annotated[
        str, typer.Option("--state-dir", metavar="DIR", help="The state folder of the integrations.")
    ] = ".tidegate",
    mlflow_uri: Annotated[
        str | None, typer.Option("--mlflow", metavar="URI", help="The tracking server or store that has the models.")
    ] = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Tell which submissions a model or a pool's version is made of, and which models a submission went into.

    Pools' logs and receipts tell of submissions, MLflow tells of models; without it, the rest is told.
    """
    from pathlib import Path

    from tidegate.telemetry import silence_dependencies
    from tidegate.tracking.lineage import asked

    silence_dependencies()
    meant = asked(what)
    root = Path(state_dir).resolve()
    told = _Told(root / "receipts", _store(mlflow_uri, root))
    if meant.kind == "model":
        told.of_model(meant.name)
    elif meant.version is not None:
        told.of_version(meant.name, meant.version)
    else:
        told.of_submission(meant.name, pool)
    if output_format is Format.json:
        typer.echo(json.dumps(told.document(what), indent=2))
    else:
        told.show()


def _store(given: str | None, root: Path) -> str | None:
    """The tracking server, or the store of the state folder; None where there is none."""
    from tidegate.config import TrackingConfig
    from tidegate.tracking.servers import configured

    database = root / "mlflow.db"
    return given or configured(TrackingConfig()) or (f"sqlite:///{database}" if database.is_file() else None)


@dataclass
class _Told:
    """What there is to tell. `models` is None where MLflow was not asked, and `notes` say why."""

    receipts: Path
    store: str | None
    model: Model | None = None
    submission: SubmissionLineage | None = None
    versions: list[VersionLineage] = field(default_factory=list)
    models: list[Model] | None = None
    notes: list[str] = field(default_factory=list)

    def of_model(self, name: str) -> None:
        """Back from a model: what it was given, and what that is made of."""
        from tidegate.tracking.lineage import of_version
        from tidegate.tracking.models import Models

        if self.store is None:
            hint = "Name it with --mlflow, MLFLOW_TRACKING_URI, or the state folder with --state-dir."
            raise Misuse(f"There is no tracking server to ask of {name}.", hint)
        self.model = Models(self.store).named(name)
        for uri, version in self.model.datasets:
            try:
                self.versions.append(of_version(uri, version, self.receipts))
            except TidegateError as error:
                self.notes.append(f"{uri}@{version}: {error.fact}")

    def of_version(self, uri: str, version: int) -> None:
        """Back from a version, and forward to the models that were given it."""
        from tidegate.tracking.lineage import of_version

        found = of_version(uri, version, self.receipts)
        self.versions.append(found)
        self._ask_for_models([(found.uri, (version,))])

    def of_submission(self, begins: str, pool: str | None) -> None:
        """Forward from a submission: the versions that hold it, what was made of them, and the models."""
        from tidegate.tracking.lineage import of_submission

        self.submission = of_submission(begins, self.receipts, pool)
        self.notes += self.submission.notes
        places = [(held.uri, held.versions) for held in self.submission.held]
        places += [(made.uri, (made.version,)) for held in self.submission.held for made in held.derived]
        self._ask_for_models(places)

    def _ask_for_models(self, places: list[tuple[str, tuple[int, ...]]]) -> None:
        from tidegate.pool import pool_location, version_digests
        from tidegate.tracking.models import Models

        if self.store is None:
            self.notes.append("There is no tracking server to ask for models.")
            return
        digests: dict[str, tuple[str, int]] = {}
        for uri, versions in places:
            try:
                found = version_digests(pool_location(uri), versions)
                digests |= {digest: (uri, version) for digest, version in found.items()}
            except TidegateError as error:
                self.notes.append(f"Models that were given {uri} were not looked for: {error.fact}")
        try:
            self.models = Models(self.store).given(digests)
        except TidegateError as error:
            self.notes.append(f"Models were not looked for: {error.fact}")

    def document(self, what: str) -> dict[str, Any]:
        """What `--format json` prints."""
        return {
            "asked": what,
            "model": _model(self.model) if self.model is not None else None,
            "submission": _submission(self.submission) if self.submission is not None else None,
            "versions": [_version(version) for version in self.versions],
            "models": None if self.models is None else [_model(model) for model in self.models],
            "notes": self.notes,
        }

    def show(self) -> None:
        """Print it for people."""
        from tidegate.reports.safe import lines_shown

        if self.model is not None:
            typer.echo(f"{_named(self.model)} was trained on:")
        for version in self.versions:
            _show_version(version)
        if self.submission is not None:
            _show_submission(self.submission)
        if self.models is not None:
            typer.echo("\nModels:" if self.models else "\nNo model was given it.")
            for model in self.models:
                datasets = ", ".join(f"{uri}@{version}" for uri, version in model.datasets)
                typer.echo(f"  {_named(model)}: {lines_shown(datasets)}")
        for note in self.notes:
            typer.echo(f"\n{note}")


def _named(model: Model) -> str:
    from tidegate.reports.safe import lines_shown

    registered = f" ({', '.join(model.registered)})" if model.registered else ""
    return lines_shown(f"runs:/{model.run} {model.name}{registered}")


def _show_version(version: VersionLineage) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tidegate.reports.safe import shown

    typer.echo(f"{version.uri}@{version.version}")
    table = Table(box=None, pad_edge=False)
    for name in ("version", "rows", "submission", "contributor", "contract", "there"):
        table.add_column(name, justify="right" if name in ("version", "rows") else "left", overflow="fold")
    for each in version.contributions:
        receipt = each.receipt
        contract = f"{receipt.contract.name}@{receipt.contract.version}"
        cells = [str(each.version), f"{receipt.rows.accepted:,}", receipt.submission.id[:12]]
        table.add_row(*map(Text, [*cells, shown(receipt.submission.contributor or ""), contract, _state(each)]))
    # Without a terminal there is no edge at which a line would have to be folded.
    Console(width=None if sys.stdout.isatty() else 1_000).print(table)
    for note in version.notes:
        typer.echo(note)
    if version.made_of is not None:
        typer.echo("\nmerged with:")
        _show_version(version.made_of)


def _state(each: Contribution) -> str:
    """Whether its rows are in that version, and what became of them."""
    if each.left is None:
        return "yes" if each.there else "no"
    when = f"{each.left.how} in version {each.left.version}"
    return f"yes, and {when}" if each.there else f"no, {when}"


def _show_submission(submission: SubmissionLineage) -> None:
    from tidegate.reports.safe import shown

    typer.echo(
        f"Submission {submission.id}" + (f" of {shown(submission.contributor)}" if submission.contributor else "")
    )
    for held in submission.held:
        receipt, left = held.contribution.receipt, held.contribution.left
        fate = f"; {left.how} in version {left.version}" if left is not None else ""
        rows = f"{receipt.rows.accepted:,} rows"
        typer.echo(f"{held.uri}: {rows} in version {held.contribution.version}, held by {_spans(held.versions)}{fate}")
        for made in held.derived:
            known = f"version {made.pool_version}" if made.pool_version is not None else "an unknown version"
            typer.echo(f"  {made.uri}@{made.version} ({made.strategy}) was made of {known}")
    for receipt in submission.rejected:
        typer.echo(f"rejected by {receipt.contract.name}@{receipt.contract.version} at {receipt.created_at}")


def _spans(versions: tuple[int, ...]) -> str:
    """Versions as people write them: 3 to 7, 9."""
    spans: list[list[int]] = []
    for version in versions:
        if spans and spans[-1][-1] == version - 1:
            spans[-1] = [spans[-1][0], version]
        else:
            spans.append([version])
    return ", ".join(" to ".join(str(end) for end in span) for span in spans) or "no version"


def _model(model: Model) -> dict[str, Any]:
    datasets = [{"uri": uri, "version": version} for uri, version in model.datasets]
    return {
        "run": model.run,
        "name": model.name,
        "experiment": model.experiment,
        "status": model.status,
        "registered": list(model.registered),
        "datasets": datasets,
    }


def _contribution(each: Contribution) -> dict[str, Any]:
    left = {"version": each.left.version, "how": each.left.how} if each.left is not None else None
    return {"version": each.version, "there": each.there, "left": left, "receipt": each.receipt.model_dump(mode="json")}


def _version(version: VersionLineage) -> dict[str, Any]:
    return {
        "uri": version.uri,
        "version": version.version,
        "contributions": [_contribution(each) for each in version.contributions],
        "made_of": _version(version.made_of) if version.made_of is not None else None,
        "notes": list(version.notes),
    }


def _submission(submission: SubmissionLineage) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "id": submission.id,
        "contributor": submission.contributor,
        "held": [
            {
                "uri": held.uri,
                **_contribution(held.contribution),
                "versions": list(held.versions),
                "derived": [asdict(dataset) for dataset in held.derived],
            }
            for held in submission.held
        ],
        "rejected": [receipt.model_dump(mode="json") for receipt in submission.rejected],
    }
