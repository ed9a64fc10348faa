"""A flow in which a contribution is rejected twice, and another accepted: a branch, a step that fails, and a model."""

from __future__ import annotations

from metaflow import FlowSpec, Parameter, catch, step

from tidegate.flows.gate import gate


class VerdictFlow(FlowSpec):
    """Three gates, one behind the other."""

    training_data = Parameter("training_data", type=str)
    state_dir = Parameter("state_dir", type=str)
    wrong = Parameter("wrong", type=str)

    @step
    def start(self) -> None:
        """The wrong one first."""
        self.data_path = self.wrong
        self.next(self.branched)

    @gate(schema_config="trips@1", registry="../registry", on_rejection="branch")
    @step
    def branched(self) -> None:
        """Goes on, by the verdict."""
        self.next({"accepted": self.end, "rejected": self.failed}, condition="verdict")

    @catch(var="refused")
    @gate(schema_config="trips@1", registry="../registry", contributor="ann", card=False)
    @step
    def failed(self) -> None:
        """Fails, and is caught: this code does not run."""
        self.ran = True
        self.next(self.accepted)

    @gate(schema_config="trips@1", registry="../registry", data_path="right.csv")
    @step
    def accepted(self) -> None:
        """Lets one in."""
        self.next(self.end)

    @step
    def end(self) -> None:
        """Read what was published."""
        self.rows = self.dataset.to_pandas(["trip"])["trip"].tolist()


if __name__ == "__main__":
    VerdictFlow()
