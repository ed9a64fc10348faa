"""A step as the gate: `@gate` over a step of a Metaflow flow.

@gate(schema_config="flights@1", training_data="pool")
@step
def integrate_contributed_data(self):
    self.next(self.train_new_model)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from metaflow import StepMutator, UserStepDecorator
from metaflow.exception import MetaflowException
from metaflow.packaging_sys import ContentType

from tidegate.config import IntegrationConfig, load_config, read_yaml
from tidegate.errors import SubmissionRejected, nearest
from tidegate.flows.card import CARD, PAGE
from tidegate.workspace import Workspace

if TYPE_CHECKING:
    from metaflow import FlowSpec

Rejection = Literal["fail", "branch"]

_FROM_THE_FLOW = ("data_path", "training_data", "output", "holdout", "contributor", "registry", "state_dir", "config")
"""What a flow's parameter or artifact of the same name gives, where the decorator does not."""
_PACKAGED = "tidegate_registry"
"""Where the registry is in a code package: beside the flow's file."""


class gate(StepMutator):  # type: ignore[misc]  # Metaflow has no types
    """Judge and publish a contribution before the step's own code runs.

    Every argument of `integrate_contributed_data` may be given. Where data_path, training_data, output, holdout,
    contributor, registry, state_dir or config is not, it is the flow's parameter or artifact of that name; and in a
    `foreach`, data_path is the item. The step finds, and keeps as artifacts:

    - `verdict`: ``accepted`` or ``rejected``; `self.next({...}, condition="verdict")` branches on it.
    - `receipt`: the receipt, as plain values.
    - `dataset`: the handle on the training data as published; where nothing was, None.
    - `report_page`: the report's page, which the card shows.

    Args:
        on_rejection: whether the step fails where the submission is rejected, with `SubmissionRejected`, or goes on.
        card: whether the step has a card.
    """

    def init(self, on_rejection: Rejection = "fail", card: bool = True, **arguments: Any) -> None:
        """What is written over the step. Raises `MetaflowException`, which Metaflow prints, where it means nothing."""
        takes = ("config", *IntegrationConfig.model_fields)
        unknown = sorted(set(arguments) - set(takes))
        if unknown:
            raise MetaflowException(f"@gate has no argument {unknown[0]!r}. {nearest(unknown[0], takes)}")
        if on_rejection not in ("fail", "branch"):
            raise MetaflowException(f"on_rejection={on_rejection!r} means nothing to @gate: it is 'fail' or 'branch'.")
        self._on_rejection, self._card, self._arguments = on_rejection, card, arguments

    def mutate(self, mutable_step: Any) -> None:
        """Put the judge before the step's code, and the card behind it."""
        if self._card:
            mutable_step.add_decorator("card", deco_kwargs={"type": CARD, "id": "tidegate"})
        mutable_step.add_decorator(
            _Judge, deco_kwargs={"on_rejection": self._on_rejection, "arguments": self._arguments}
        )

    def add_to_package(self) -> Iterator[tuple[str, str, Any]]:
        """The registry, and the configuration's file, go with the code to where a remote step runs."""
        from tidegate.registry import find_registry

        config = self._arguments.get("config")
        said = read_yaml(config) if config is not None else {}
        root = find_registry(self._arguments.get("registry", said.get("registry"))).root
        for kind, suffix in (("contracts", ".py"), ("expectations", ".json")):
            for file in sorted((root / kind).rglob(f"*{suffix}")):
                yield str(file), f"{_PACKAGED}/{file.relative_to(root).as_posix()}", ContentType.USER_CONTENT
        if config is not None and not Path(config).is_absolute():
            yield str(config), Path(config).as_posix(), ContentType.USER_CONTENT


class _Judge(UserStepDecorator):  # type: ignore[misc]  # Metaflow has no types
    def init(self, on_rejection: Rejection, arguments: dict[str, Any]) -> None:
        self._on_rejection, self._arguments = on_rejection, arguments

    def pre_step(self, step_name: str, flow: FlowSpec, inputs: Any = None) -> None:
        """Judge. What it came to are artifacts, also of a step that fails by it."""
        from tidegate.data_integration import integrate  # only here: every step of the flow imports this module

        given = {name: getattr(flow, name, None) or None for name in _FROM_THE_FLOW} | self._arguments
        given["data_path"] = given["data_path"] or flow.input
        given["registry"] = _packaged(flow) or given["registry"]
        config = load_config(given, given.pop("config"))
        rejection, dataset = None, None
        try:
            result = integrate(config)
            receipt, dataset = result.receipt, result.dataset
        except SubmissionRejected as rejected:
            receipt, rejection = rejected.receipt, rejected
        flow.verdict, flow.receipt, flow.dataset = receipt.verdict, receipt.model_dump(mode="json"), dataset
        page = Workspace(Path(config.state_dir)).receipts / receipt.integration[:32] / "report.html"
        setattr(flow, PAGE, page.read_text(encoding="utf-8") if page.exists() else None)
        if rejection is not None and self._on_rejection == "fail":
            raise rejection


def _packaged(flow: FlowSpec) -> Path | None:
    """The registry that came with the code package, where this runs from one."""
    folder = Path(inspect.getfile(type(flow))).resolve().parent / _PACKAGED
    return folder if folder.is_dir() else None
