"""A receipt outlives the version that wrote it: it is in the pool's log."""

from __future__ import annotations

from tests.reports import made_up

from tidegate.receipt import EngineChoice, Receipt

OLD = "fe992ee36c5280213980d2039c758240c5ec4118ae78824381eef66a88e1410e"
"""The digest of the made-up receipt, as it was before a receipt told of an engine."""


def test_a_receipt_from_before_there_were_engines_is_read_and_has_the_digest_that_it_had() -> None:
    old = made_up.receipt("b" * 64, "ann").model_dump(mode="json")
    del old["engine"]
    read = Receipt.model_validate(old)
    assert (read.engine, read.digest) == (None, OLD)


def test_the_engine_is_told_and_is_in_no_digest() -> None:
    choice = EngineChoice(name="spark", reason="as configured")
    receipt = made_up.receipt("b" * 64, "ann").model_copy(update={"engine": choice})
    again = Receipt.model_validate_json(receipt.model_dump_json())
    assert (again, again.engine, again.digest) == (receipt, choice, OLD)
    plain = made_up.report()
    told = type(plain).model_validate(plain.model_dump() | {"engine": choice, "digest": "", "validation": ""})
    assert told.engine == choice
    assert (told.digest, told.validation) == (plain.digest, plain.validation)
