"""Form-encoded bodies with nested brackets, as in Stripe's API; https://docs.stripe.com/api."""

import re
from typing import Any
from urllib.parse import parse_qsl

from payments_kit.doubles.stripe.errors import invalid

Raw = dict[str, Any]
_KEY = re.compile(r"[^\[\]]+|\[[^\[\]]*\]")


def decode(text: str) -> Raw:
    """Decode a form: `metadata[a]=1&expand[]=x` is {"metadata": {"a": "1"}, "expand": ["x"]}."""
    tree: Raw = {}
    for key, value in parse_qsl(text, keep_blank_values=True, strict_parsing=False):
        parts = _KEY.findall(key)
        if "".join(parts) != key or not parts or parts[0].startswith("["):
            raise invalid(f"Invalid parameter name: {key}", code="parameter_unknown", param=key)
        _put(tree, [part.strip("[]") for part in parts], value, key)
    return {name: _as_lists(value) for name, value in tree.items()}


def _put(tree: Raw, path: list[str], value: str, key: str) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid object: {key}", param=key)
    tree[path[-1] or str(len(tree))] = value


def _as_lists(value: Any) -> Any:
    """Convert objects whose keys are 0, 1, 2, … to lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _as_lists(each) for name, each in value.items()}
    if inner and list(inner) == [str(index) for index in range(len(inner))]:
        return list(inner.values())
    return inner
