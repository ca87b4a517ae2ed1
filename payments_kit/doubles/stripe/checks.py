"""Checks of parameter values, with Stripe's errors; https://docs.stripe.com/api."""

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from payments_kit.doubles.stripe.errors import invalid

Check = Callable[[str, Any], Any]
"""Takes a parameter's name and raw value; returns the value or raises Stripe's error."""

# https://docs.stripe.com/api/metadata
MAX_METADATA_KEYS, MAX_METADATA_KEY_LENGTH, MAX_METADATA_VALUE_LENGTH = 50, 40, 500
MAX_TEXT_LENGTH = 5000  # characters


def text(name: str, raw: Any) -> str:
    """Check a text that is not empty."""
    if not isinstance(raw, str):
        raise invalid("Invalid string", param=name)
    if raw == "":
        message = f"You passed an empty string for '{name}'. We assume empty values are an attempt "
        message += f"to unset a parameter; however '{name}' cannot be unset."
        raise invalid(message, code="parameter_invalid_empty", param=name)
    if len(raw) > MAX_TEXT_LENGTH:
        message = f"Invalid string: must be at most {MAX_TEXT_LENGTH} characters"
        raise invalid(message, code="parameter_invalid_string_too_long", param=name)
    return raw


def optional_text(name: str, raw: Any) -> str | None:
    """Check a text; an empty one unsets the parameter."""
    return None if raw == "" else text(name, raw)


def integer(name: str, raw: Any) -> int:
    """Check a whole number."""
    # 18 digits are more than any amount has, and short enough for int().
    if isinstance(raw, str) and re.fullmatch(r"-?[0-9]{1,18}", raw):
        return int(raw)
    raise invalid(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)


def boolean(name: str, raw: Any) -> bool:
    """Check true or false."""
    if raw in ("true", "false"):
        return bool(raw == "true")
    raise invalid(f"Invalid boolean: {raw}", param=name)


def one_of(*allowed: str) -> Check:
    """Return a check that allows these values only."""

    def check(name: str, raw: Any) -> str:
        if raw in allowed:
            return str(raw)
        raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)

    return check


def texts(name: str, raw: Any) -> list[str]:
    """Check a list of texts."""
    if isinstance(raw, list):
        return [text(f"{name}[{index}]", each) for index, each in enumerate(raw)]
    raise invalid("Invalid array", param=name)


def metadata(name: str, raw: Any) -> dict[str, str]:
    """Check metadata."""
    if raw == "":
        return {}
    if isinstance(raw, list):
        raw = {str(index): value for index, value in enumerate(raw)}
    if not isinstance(raw, dict):
        raise invalid("Invalid object", param=name)
    if len(raw) > MAX_METADATA_KEYS:
        raise invalid(f"Metadata can have at most {MAX_METADATA_KEYS} keys.", param=name)
    for key, value in raw.items():
        if len(key) > MAX_METADATA_KEY_LENGTH:
            raise invalid(
                f"Metadata keys can be at most {MAX_METADATA_KEY_LENGTH} long.", param=name
            )
        if not isinstance(value, str) or len(value) > MAX_METADATA_VALUE_LENGTH:
            message = f"Metadata values can have up to {MAX_METADATA_VALUE_LENGTH} characters."
            raise invalid(message, param=f"{name}[{key}]")
    return {key: value for key, value in raw.items() if value != ""}


def created(name: str, raw: Any) -> dict[str, int]:
    """Check a time, or bounds of a time."""
    if isinstance(raw, str):
        return {"gte": integer(name, raw), "lte": integer(name, raw)}
    bounds = _Fields({"gt": integer, "gte": integer, "lt": integer, "lte": integer})
    return bounds(name, raw)


def page_size(name: str, raw: Any) -> int:
    """Check the length of a page."""
    size = integer(name, raw)
    if 1 <= size <= 100:
        return size
    wrong = "greater than or equal to 1" if size < 1 else "less than or equal to 100"
    raise invalid(f"This value must be {wrong}.", code="parameter_invalid_integer", param=name)


@frozen
class _Fields:
    """Checks a nested object with these fields only."""

    fields: dict[str, Check]

    def __call__(self, name: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=name)
        for key in raw:
            if key not in self.fields:
                raise unknown_parameters([f"{name}[{key}]"])
        return {key: self.fields[key](f"{name}[{key}]", value) for key, value in raw.items()}


def fields(**each: Check) -> Check:
    """Return a check of a nested object with these fields only."""
    return _Fields(each)


def unknown_parameters(names: list[str]) -> Exception:
    """Return the error for unknown parameters."""
    plural = "s" if len(names) > 1 else ""
    return invalid(
        f"Received unknown parameter{plural}: {', '.join(names)}",
        code="parameter_unknown",
        param=names[0],
    )
