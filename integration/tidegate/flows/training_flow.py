"""The training flow: a baseline model, the gate, a new model on what passed, and what it gained.

    python training_flow.py run --contributions '["october.csv"]' --training-data POOL --holdout september.parquet

The gate is one call in the step `integrate_contributed_data`. The receipt is an artifact; the data never is.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from metaflow import FlowSpec, Parameter, card, current, step
from metaflow.cards import Markdown, Table


class TrainingFlow(FlowSpec):
    """Train on contributed flights, if the gate lets them in."""

    contributions = Parameter("contributions", help="A JSON list of files, one submission each.", type=str)
    training_data = Parameter("training_data", help="The pool, a Delta table.", type=str)
    holdout = Parameter("holdout", help="Flights to score on, which must never reach training.", type=str)
    config = Parameter("config", help="A YAML file with the rest of the gate's configuration.", type=str, default="")
    state_dir = Parameter("state_dir", help="Where quarantines, receipts and the MLflow store go.", default=".tidegate")

    @step
    def start(self) -> None:
        """Take the contributions apart."""
        self.paths = json.loads(self.contributions)
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
        for path in self.paths:
            try:
                result = integrate_contributed_data(
                    data_path=path,
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
        """The same model, on the pool with what was accepted."""
        from tidegate.flows.flights_model import FEATURES, OUTCOME, train
        from tidegate.pool import Dataset, pool_location

        dataset = Dataset(str(pool_location(self.training_data)), self.version_after)
        self.new_model = train(dataset.to_pandas([*FEATURES, OUTCOME]))
        self.next(self.evaluate)

    @card(type="blank")
    @step
    def evaluate(self) -> None:
        """Score both models on the holdout."""
        import pandas as pd

        from tidegate.flows.flights_model import FEATURES, OUTCOME, score

        holdout = pd.read_parquet(self.holdout, columns=[*FEATURES, OUTCOME])
        self.before = asdict(score(self.baseline_model, holdout))
        self.after = asdict(score(self.new_model, holdout))
        self.difference = {name: self.after[name] - self.before[name] for name in ("roc_auc", "accuracy", "log_loss")}
        _score_card(self.before, self.after)
        versions = (self.version_before, self.version_after)
        _log_scores(self.state_dir, self.training_data, self.before, self.after, *versions)
        self.next(self.end)

    @step
    def end(self) -> None:
        """Say what came of it."""
        for name, change in self.difference.items():
            print(f"{name:<9} before {self.before[name]:.4f}  after {self.after[name]:.4f}  difference {change:+.4f}")  # noqa: T201


def _verdict_card(verdicts: dict[str, str], receipts: list[dict[str, Any]]) -> None:
    current.card.append(Markdown("# Contributions"))
    current.card.append(Table([[path, verdict] for path, verdict in verdicts.items()], headers=["file", "verdict"]))
    names = ["read", "accepted", "malformed", "failed", "duplicate", "leaked"]
    rows = [
        [receipt["submission"]["id"][:12], receipt["dataset_version"], *(receipt["rows"][name] for name in names)]
        for receipt in receipts
    ]
    current.card.append(Table(rows, headers=["submission", "version", *names]))


def _score_card(before: dict[str, float], after: dict[str, float]) -> None:
    rows = [
        [name, f"{before[name]:.4f}", f"{after[name]:.4f}", f"{after[name] - before[name]:+.4f}"] for name in before
    ]
    current.card.append(Markdown("# Before and after"))
    current.card.append(Table(rows, headers=["score on the holdout", "before", "after", "difference"]))


def _log_scores(
    state_dir: str,
    training_data: str,
    before: dict[str, float],
    after: dict[str, float],
    version_before: int,
    version_after: int,
) -> None:
    from tidegate.pool import Dataset, pool_location
    from tidegate.tracking import record_scores

    scores = {f"{name}_before": value for name, value in before.items()}
    scores |= {f"{name}_after": value for name, value in after.items()}
    scores |= {f"{name}_difference": after[name] - before[name] for name in before if name != "flights"}
    versions = {"tidegate.dataset_version": version_after, "tidegate.pool_version_before": version_before}
    record_scores(state_dir, scores, versions, Dataset(str(pool_location(training_data)), version_after))


if __name__ == "__main__":
    TrainingFlow()
