"""A step as the gate: `@gate` over a step of a Metaflow flow.

@gate(schema_config="flights@1", training_data="pool")
@step
def integrate_contributed_data(self):
    self.next(self.train_new_model)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from metaflow import StepMutator, UserStepDecorator, current
from metaflow.exception import MetaflowException
from metaflow.packaging_sys import ContentType
from metaflow.plugins import CARDS

from tidegate.config import IntegrationConfig, load_config, read_yaml
from tidegate.errors import SubmissionRejected, nearest
from tidegate.flows.card import CARD, PAGE, ReportCard
from tidegate.registry import find_registry
from tidegate.workspace import Workspace

if TYPE_CHECKING:
    from metaflow import FlowSpec

Rejection = Literal["fail", "branch"]

_FROM_THE_FLOW = ("data_path", "training_data", "output", "holdout", "contributor", "registry", "state_dir", "config")
"""What a flow's parameter or artifact of the same name gives, where the decorator does not."""
_PACKAGED = "tidegate_registry"
"""Where registries are in a code package, beside the flow's file: a folder for each gate, by its step's name."""
_CONFIG = "config.yaml"
"""What the configuration's file is called there."""
_REGISTRY = ("contracts/**/*.py", "expectations/**/*.json", "contracts.toml", "contracts.lock")
"""What goes along of a registry. Without contracts.toml a version that is refused here would be taken there."""

if not any(card.type == CARD for card in CARDS):
    # Metaflow overlooks an extension that lies in one folder with another's whose distribution lists it.
    CARDS.append(ReportCard)


class gate(StepMutator):
    """Judge and publish a contribution before the step's own code runs.

    Every argument of `integrate_contributed_data` may be given. Where data_path, training_data, output, holdout,
    contributor, registry, state_dir or config is not, it is the flow's parameter or artifact of that name, if that is
    text; and in a `foreach`, data_path is the item, or the item is a mapping with data_path and whatever else is of
    that contribution alone. The step finds, and keeps as artifacts:

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
        config = self._arguments.get("config")
        said = read_yaml(config) if config is not None else {}
        root = find_registry(self._arguments.get("registry") or said.get("registry")).root
        place = f"{_PACKAGED}/{self._my_step.name}"
        for pattern in _REGISTRY:
            for file in sorted(root.glob(pattern)):
                yield str(file), f"{place}/{file.relative_to(root).as_posix()}", ContentType.USER_CONTENT
        if config is not None:
            yield str(config), f"{place}/{_CONFIG}", ContentType.USER_CONTENT


class _Judge(UserStepDecorator):
    def init(self, on_rejection: Rejection, arguments: dict[str, Any]) -> None:
        self._on_rejection, self._arguments = on_rejection, arguments

    def pre_step(self, step_name: str, flow: FlowSpec, inputs: Any = None) -> None:
        """Judge. What it came to are artifacts, also of a step that fails by it.

        They are None where it comes to nothing: what a gate before found must not be taken for it, as after `@catch`.
        """
        from tidegate.data_integration import integrate  # only here: every step of the flow imports this module
        from tidegate.reports import receipt_to_html

        for artifact in ("verdict", "receipt", "dataset", PAGE):
            setattr(flow, artifact, None)
        if _is_past_the_last_try():
            return
        given = came_along(parameters(flow, self._arguments), self._arguments, _beside_the_flow(step_name))
        config = load_config(given, given.pop("config", None))
        rejection, dataset = None, None
        try:
            result = integrate(config)
            receipt, dataset = result.receipt, result.dataset
        except SubmissionRejected as rejected:
            receipt, rejection = rejected.receipt, rejected
        flow.verdict, flow.receipt, flow.dataset = receipt.verdict, receipt.model_dump(mode="json"), dataset
        page = Workspace(Path(config.state_dir)).receipts / receipt.integration[:32] / "report.html"
        setattr(flow, PAGE, page.read_text(encoding="utf-8") if page.exists() else receipt_to_html(receipt))
        if rejection is not None and self._on_rejection == "fail":
            raise rejection


def parameters(flow: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the gate is given by the flow; by its `foreach`'s item; and by the decorator, which goes before both.

    An item that is a mapping goes before the decorator too: that is the same for all contributions.
    """
    given = {name: value for name in _FROM_THE_FLOW if _names_something(value := getattr(flow, name, None))}
    item = flow.input
    if _names_something(item):
        given["data_path"] = item
    given |= {name: value for name, value in arguments.items() if value is not None}
    return {**given, **item} if isinstance(item, Mapping) and "data_path" in item else given


def _names_something(value: Any) -> bool:
    """Else it is something of the flow's own, such as a step that is called output, or a Config."""
    return isinstance(value, str | Path | list | tuple) and bool(value)


def came_along(given: dict[str, Any], arguments: Mapping[str, Any], beside: Path) -> dict[str, Any]:
    """The same with the registry and the file that came with the code package, where this runs from one.

    They are those that the decorator names. What the flow or an item names instead is what it names.

    Args:
        beside: the folder that would hold them.
    """
    if not beside.is_dir():
        return given
    if given.get("config") == arguments.get("config"):
        if (beside / _CONFIG).is_file():
            given = given | {"config": str(beside / _CONFIG)}
    elif given["config"] is not None and "registry" in read_yaml(given["config"]):
        return given
    if given.get("registry") == arguments.get("registry"):
        given = given | {"registry": str(beside)}
    return given


def _beside_the_flow(step_name: str) -> Path:
    return Path(sys.argv[0]).resolve().parent / _PACKAGED / step_name  # packages are made from this folder, too


def _is_past_the_last_try() -> bool:
    """Whether this is the attempt in which `@catch` stands in for a step whose every try was killed.

    Nothing of the step is to run then, or whatever killed it would kill this as well. Metaflow runs decorators all the
    same, and does not document how to tell.
    """
    try:
        from metaflow.system_context import system_context

        tries = system_context.max_user_code_retries
    except (ImportError, AttributeError):
        return False
    return bool(tries is not None and current.retry_count > tries)
