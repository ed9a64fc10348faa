"""The training flow: a baseline model, the gate, a new model on what passed, and what it gained.

    python training_flow.py run --contributions '{"ann": "october.csv"}' --training-data POOL --holdout held.parquet

The gate is one call in the step `integrate_contributed_data`. The receipt is an artifact; the data never is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from metaflow import FlowSpec, Parameter, card, current, step
from metaflow.cards import Markdown, Table

if TYPE_CHECKING:
    from tidegate.impact import Impact


class TrainingFlow(FlowSpec):
    """Train on contributed flights, if the gate lets them in."""

    contributions = Parameter("contributions", help="JSON: per contributor a file, one submission each.", type=str)
    training_data = Parameter("training_data", help="The pool, a Delta table.", type=str)
    holdout = Parameter("holdout", help="Flights to score on, which must never reach training.", type=str)
    config = Parameter("config", help="A YAML file with the rest of the gate's configuration.", type=str, default="")
    state_dir = Parameter("state_dir", help="Where quarantines, receipts and the MLflow store go.", default=".tidegate")

    @step
    def start(self) -> None:
        """Take the contributions apart."""
        self.paths = json.loads(self.contributions)  # per contributor
        self.next(self.load_baseline_model)

    @step
    def load_baseline_model(self) -> None:
        """The model as it would be without the contributions: trained on the pool as it stands."""
        from tidegate.flows.flights_model import FEATURES, OUTCOME, train
        from tidegate.pool import Dataset, pool_location, table_version

        location = pool_location(self.training_data)
        self.version_before = table_version(location)
        pool = Dataset(str(location), self.version_before)
        self.baseline_model = train(pool.to_pandas([*FEATURES, OUTCOME]))
        self.next(self.integrate_contributed_data)

    @card(type="blank")
    @step
    def integrate_contributed_data(self) -> None:
        """The gate: each contribution is judged, and published if it is accepted."""
        from tidegate import SubmissionRejected, integrate_contributed_data

        self.receipts: list[dict[str, Any]] = []
        self.verdicts: dict[str, str] = {}
        self.version_after = self.version_before
        for contributor, path in self.paths.items():
            try:
                result = integrate_contributed_data(
                    data_path=path,
                    contributor=contributor,
                    training_data=self.training_data,
                    holdout=self.holdout,
                    state_dir=self.state_dir,
                    config=self.config or None,
                )
            except SubmissionRejected as rejected:
                self.verdicts[path] = f"rejected: {'; '.join(rejected.report.reasons)}"
                continue
            self.verdicts[path] = "accepted"
            self.receipts.append(result.receipt.model_dump(mode="json"))
            if result.receipt.dataset_version is not None:
                self.version_after = max(self.version_after, result.receipt.dataset_version)
        _verdict_card(self.verdicts, self.receipts)
        if not self.receipts:
            raise RuntimeError(f"No contribution was accepted: {self.verdicts}")
        self.next(self.train_new_model)

    @step
    def train_new_model(self) -> None:
        """The same model on the pool with what was accepted, and for each contribution one without it."""
        from tidegate.columns import SUBMISSION
        from tidegate.flows.flights_model import FEATURES, OUTCOME, train
        from tidegate.pool import Dataset, pool_location

        dataset = Dataset(str(pool_location(self.training_data)), self.version_after)
        flights = dataset.to_pandas([*FEATURES, OUTCOME, SUBMISSION])
        self.new_model = train(flights)
        submissions = [receipt["submission"]["id"] for receipt in self.receipts]
        self.models_without = {each: train(flights[flights[SUBMISSION] != each]) for each in submissions}
        self.next(self.evaluate)

    @card(type="blank")
    @step
    def evaluate(self) -> None:
        """Score the models on the holdout, and tell what the contributions did for them, together and each."""
        import pandas as pd

        from tidegate.config import TrackingConfig, read_yaml
        from tidegate.flows.flights_model import BETTER, FEATURES, OUTCOME, landed, scorer
        from tidegate.impact import measure_impact
        from tidegate.pool import Dataset, pool_location
        from tidegate.receipt import Receipt
        from tidegate.tracking import record_impact

        holdout = landed(pd.read_parquet(self.holdout, columns=[*FEATURES, OUTCOME]))
        receipts = [Receipt.model_validate(receipt) for receipt in self.receipts]
        impact = measure_impact(
            before=scorer(self.baseline_model, holdout),
            after=scorer(self.new_model, holdout),
            without=[(each, scorer(self.models_without[each.submission.id], holdout)) for each in receipts],
            better=BETTER,
            records=len(holdout),
            versions=(self.version_before, self.version_after),
        )
        self.impact = impact.model_dump(mode="json")
        current.card.extend(impact_parts(impact))
        dataset = Dataset(str(pool_location(self.training_data)), self.version_after)
        said = read_yaml(self.config) if self.config else {}
        tracking = TrackingConfig.model_validate(said.get("tracking"))
        record_impact(impact, receipts, self.state_dir, trained_on=dataset, tracking=tracking)
        self.next(self.end)

    @step
    def end(self) -> None:
        """Say what came of it."""
        from tidegate.impact import Impact, rows

        for row in rows(Impact.model_validate(self.impact).effects):
            print(  # noqa: T201
                f"{row['score']:<9} before {row['before']}  after {row['after']}  difference {row['difference']}"
                f" ({row['interval']}): {row['verdict']}"
            )


def _verdict_card(verdicts: dict[str, str], receipts: list[dict[str, Any]]) -> None:
    current.card.append(Markdown("# Contributions"))
    current.card.append(Table([[path, verdict] for path, verdict in verdicts.items()], headers=["file", "verdict"]))
    names = ["read", "accepted", "malformed", "failed", "duplicate", "leaked"]
    rows = [
        [receipt["submission"]["id"][:12], receipt["dataset_version"], *(receipt["rows"][name] for name in names)]
        for receipt in receipts
    ]
    current.card.append(Table(rows, headers=["submission", "version", *names]))


def impact_parts(impact: Impact) -> list[Markdown | Table]:
    """A card on what contributions did. Names are cells alone: Metaflow shows HTML that is in Markdown as HTML."""
    from tidegate.impact import rows

    named = [("all contributions", impact.effects)] + [
        (f"{each.contributor or 'not named'}, {each.submission[:12]}, {each.rows:,} rows", each.effects)
        for each in impact.contributions
    ]
    headers = ["of", "score on the holdout", "better", "without", "with", "difference", "interval", "that is"]
    cells = [[name, *row.values()] for name, effects in named for row in rows(effects)]
    return [Markdown(f"# Impact\n{impact.words()}"), Table(cells, headers=headers)]


if __name__ == "__main__":
    TrainingFlow()
