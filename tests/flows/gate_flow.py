"""A flow with three contributions at once, of which one is killed at its first attempt, and a join that may fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, current, retry, step


class GateFlow(FlowSpec):
    """One pool, three contributions."""

    folder = Parameter("folder", help="With the registry and the contributions; the pool goes there.", type=str)

    @step
    def start(self) -> None:
        """A branch for each."""
        self.names = ["a", "b", "c"]
        self.next(self.integrate_contributed_data, foreach="names")

    @retry(times=1, minutes_between_retries=0)
    @step
    def integrate_contributed_data(self) -> None:
        """The gate. The process that publishes `b` is killed just after the commit."""
        from tests.crash.points import arm

        from tidegate import integrate_contributed_data

        folder = Path(self.folder)
        if self.input == "b" and current.retry_count == 0:
            arm("after the commit")
        result = integrate_contributed_data(
            data_path=folder / f"{self.input}.csv", contributor=self.input, schema_config="trips@1", registry=folder,
            training_data=folder / "pool", state_dir=folder / "state", tracking=False,
        )  # fmt: skip
        self.told = {"version": result.receipt.dataset_version, "attempt": current.retry_count}
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        """What became of each."""
        if (Path(self.folder) / "stumble").exists():
            raise RuntimeError("stumbles")
        self.told = {one.input: one.told for one in inputs}
        self.next(self.end)

    @step
    def end(self) -> None:
        """Leave it where the test looks."""
        (Path(self.folder) / "told.json").write_text(json.dumps(self.told))


if __name__ == "__main__":
    GateFlow()
