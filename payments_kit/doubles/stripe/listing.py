"""Lists, search and expansion.

https://docs.stripe.com/api/pagination, https://docs.stripe.com/search and
https://docs.stripe.com/api/expanding_objects
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import islice
from typing import Any

from payments_kit.doubles.stripe.errors import Json, invalid, missing_object
from payments_kit.doubles.stripe.ledger import KINDS, Ledger

Params = dict[str, Any]
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
_CLAUSE = re.compile(r"""\s*(metadata\[["'](.+?)["']\]|[a-z_]+)\s*:\s*(["'])(.*?)\3\s*""")


def listed(
    ledger: Ledger,
    prefix: str,
    params: Params,
    url: str,
    *equal: str,
    among: Container[str] | None = None,
) -> Json:
    """Return a page of a list, newest first.

    `equal` are the parameters that filter by a field; `among` are the ids to list.
    """
    objects = ledger.of_kind(prefix)
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in objects:
            raise missing_object(KINDS[prefix][1], params[name], name)
    matching = (
        it
        for it in reversed(objects.values())
        if (among is None or it["id"] in among)
        and in_bounds(it["created"], params.get("created", {}))
        and all(it[name] == params[name] for name in equal if name in params)
        and ("types" not in params or it["type"] in params["types"])
    )
    page, more = _page(matching, objects, params)
    return {
        "object": "list",
        "data": [ledger.shown(it) for it in page],
        "has_more": more,
        "url": url,
    }


def _page(
    newest_first: Iterator[Json], objects: Iterable[str], params: Params
) -> tuple[list[Json], bool]:
    limit = params.get("limit", 10)
    if "ending_before" in params:
        place = {object_id: index for index, object_id in enumerate(objects)}
        cursor = place[params["ending_before"]]
        newer = [it for it in newest_first if place[it["id"]] > cursor]
        return newer[-limit:], len(newer) > limit
    if "starting_after" in params:
        place = {object_id: index for index, object_id in enumerate(objects)}
        cursor = place[params["starting_after"]]
        newest_first = (it for it in newest_first if place[it["id"]] < cursor)
    page = list(islice(newest_first, limit + 1))
    return page[:limit], len(page) > limit


def in_bounds(at: int, bounds: dict[str, int]) -> bool:
    """Whether a time is within the bounds of a parameter such as `created`."""
    return all(_OPERATORS[name](at, bound) for name, bound in bounds.items())


def searched(ledger: Ledger, prefix: str, params: Params, url: str, lag: float) -> Json:
    """Return the objects that match a query and are older than the lag in seconds.

    Changes are searchable later than they are made, too.

    https://docs.stripe.com/search#data-freshness
    """
    clauses = _clauses(params["query"])
    old_enough = ledger.now() - lag
    found = [
        ledger.indexed.get(it["id"]) or ledger.shown(it)
        for it in reversed(ledger.of_kind(prefix).values())
        if it["created"] <= old_enough and all(_matches(it, *clause) for clause in clauses)
    ]
    limit = params.get("limit", 10)
    skip = int(params.get("page", "0"))
    more = len(found) > skip + limit
    return {
        "object": "search_result",
        "data": found[skip : skip + limit],
        "has_more": more,
        "next_page": str(skip + limit) if more else None,
        "url": url,
    }


def _clauses(query: str) -> list[tuple[str, str | None, str]]:
    clauses = []
    for part in re.split(r"\s+AND\s+", query):
        if (found := _CLAUSE.fullmatch(part)) is None:
            raise invalid(f"We were unable to parse your search query: {part}", param="query")
        clauses.append((found[1], found[2], found[4]))
    return clauses


def _matches(it: Json, name: str, key: str | None, value: str) -> bool:
    if key is not None:
        return bool(it["metadata"].get(key) == value)
    return str(it.get(name)) == value


def expanded(ledger: Ledger, it: Json, paths: Iterable[str]) -> Json:
    """Replace ids by their objects; https://docs.stripe.com/api/expanding_objects."""
    for path in paths:
        it = _expand(ledger, it, path.split("."), path)
    return it


def _expand(ledger: Ledger, it: Any, path: list[str], whole: str) -> Any:
    if isinstance(it, list):
        return [_expand(ledger, each, path, whole) for each in it]
    if not path or it is None:
        return it
    name, rest = path[0], path[1:]
    if not isinstance(it, dict) or name not in it:
        raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
    value = it[name]
    if isinstance(value, str):
        prefix = value.partition("_")[0]
        if prefix not in KINDS or (known := ledger.of_kind(prefix).get(value)) is None:
            raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
        value = ledger.shown(known)
    return {**it, name: _expand(ledger, value, rest, whole)}
