"""Canonical JSON is what docs/audit.md promises another program: one text for one value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical_json import canonical_json, canonical_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ([True, False], "[true,false]"),
        ({"b": 1, "a": -(10**30)}, f'{{"a":-1{"0" * 30},"b":1}}'),
        ({"B": [], "a": {}}, '{"B":[],"a":{}}'),
        ("Zoë \u2028\x7f", '"Zoë \u2028\x7f"'),
        ('"\\/\b\f\n\r\t\x01', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001"'),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@given(values)
def test_every_program_reads_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.text())
def test_a_text_alone_is_written_alike(text: str) -> None:
    assert canonical_text(text) == canonical_json(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(number)
