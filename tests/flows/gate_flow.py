"""A flow with three contributions at once, of which one is killed at its first attempt, and a join that may fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, current, retry, step

from tidegate.flows.gate import gate


class GateFlow(FlowSpec):
    """One pool, three contributions."""

    folder = Parameter("folder", help="With the registry and the contributions; the pool goes there.", type=str)

    @property
    def contributor(self) -> str:
        """Who sent the file. The gate asks when it begins: then what publishes `b` is set to be killed, once."""
        from tests.crash.points import arm

        name = Path(self.input).stem
        if name == "b" and current.retry_count == 0:
            arm("after the commit")
        return name

    @step
    def start(self) -> None:
        """A branch for each."""
        folder = Path(self.folder)
        self.paths = [str(folder / f"{name}.csv") for name in "abc"]
        self.registry, self.state_dir, self.training_data = self.folder, str(folder / "state"), str(folder / "pool")
        self.next(self.integrate_contributed_data, foreach="paths")

    @retry(times=1, minutes_between_retries=0)
    @gate(schema_config="trips@1", tracking={"mlflow": False}, card=False)
    @step
    def integrate_contributed_data(self) -> None:
        """The gate."""
        lost = "The report was lost" in self.report_page
        self.told = {"version": self.receipt["dataset_version"], "attempt": current.retry_count, "lost": lost}
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        """What became of each."""
        if (Path(self.folder) / "stumble").exists():
            raise RuntimeError("stumbles")
        self.told = {one.receipt["submission"]["contributor"]: one.told for one in inputs}
        self.next(self.end)

    @step
    def end(self) -> None:
        """Leave it where the test looks."""
        (Path(self.folder) / "told.json").write_text(json.dumps(self.told))


if __name__ == "__main__":
    GateFlow()
