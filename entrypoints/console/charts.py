"""Charts as SVG, made on the server; each has a text for those who do not see it."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from htpy import Element, Node, div, figcaption, figure, li, span, svg, ul
from htpy import title as title_
from markupsafe import Markup

from entrypoints.console.elements import nothing

_WIDTH: Final = 720
_HEIGHT: Final = 200
_LEFT: Final = 52
_BOTTOM: Final = 22
_TOP: Final = 16
_GAP: Final = 0.22
"""The part of a column that is left free."""


@frozen
class Series:
    """Some values, of one colour; a colour has the name of a tone."""

    name: str
    tone: str
    values: Sequence[float]


def stacked_columns(
    title: str, labels: Sequence[str], series: Sequence[Series], every: int, empty: str
) -> Node:
    """Return a chart of columns; every so many have a label below."""
    totals = [sum(each.values[at] for each in series) for at in range(len(labels))]
    if not any(totals):
        return nothing(empty)
    top = _nice(max(totals))
    chart = svg(
        class_="chart",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=_told(title, series),
    )[
        _grid(top),
        (_column(at, labels[at], series, top, len(labels)) for at in range(len(labels))),
        (
            _text(_LEFT + (at + 0.5) * _step(len(labels)), _HEIGHT - 6, labels[at], "middle")
            for at in range(0, len(labels), every)
        ),
    ]
    return figure[figcaption(class_="visually-hidden")[title], chart, _legend(series)]


def bars(title: str, values: Mapping[str, int], empty: str) -> Node:
    """Return a list of bars, the longest first."""
    if not values:
        return nothing(empty)
    most = max(values.values())
    ordered = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    return ul(class_="bars", aria_label=title)[
        (
            li[
                span(class_="bar-name")[name],
                span(class_="bar-number")[f"{number:,}"],
                _bar(number / most),
            ]
            for name, number in ordered
        )
    ]


def _bar(part: float) -> Node:
    chart = svg(class_="meter", viewBox="0 0 100 1", preserveAspectRatio="none", aria_hidden="true")
    return chart[_rect(0, 0, 100 * part, 1, "bad")]


def _column(
    at: int, label: str, series: Sequence[Series], top: float, number: int
) -> Sequence[Node]:
    step = _step(number)
    left, width = _LEFT + (at + _GAP / 2) * step, step * (1 - _GAP)
    bottom = float(_HEIGHT - _BOTTOM)
    parts: list[Node] = []
    for each in series:
        height = each.values[at] / top * (_HEIGHT - _BOTTOM - _TOP)
        if height:
            bottom -= height
            text = f"{label}: {each.values[at]:,.0f} {each.name.lower()}"
            parts.append(_rect(left, bottom, width, height, each.tone, text))
    return parts


def _grid(top: float) -> Sequence[Node]:
    lines: list[Node] = []
    for part in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - _TOP)
        line = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
        lines.append(line.format(_LEFT, _WIDTH, y, y))
        lines.append(_text(_LEFT - 6, y + 4, f"{top * part:,.0f}", "end"))
    return lines


def _text(x: float, y: float, text: str, anchor: str) -> Node:
    form = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return form.format(x, y, anchor, text)


def _rect(
    x: float, y: float, width: float, height: float, tone: str, text: str | None = None
) -> Node:
    form = Markup(
        '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" data-tone="{}">{}</rect>'
    )
    return form.format(x, y, width, height, tone, title_[text] if text else "")


def _legend(series: Sequence[Series]) -> Element:
    return div(class_="legend")[
        (
            span(data_tone=each.tone)[f"{each.name} {sum(each.values):,.0f}"]
            for each in series
            if any(each.values)
        )
    ]


def _told(title: str, series: Sequence[Series]) -> str:
    totals = ", ".join(f"{sum(each.values):,.0f} {each.name.lower()}" for each in series)
    return f"{title}: {totals}"


def _step(number: int) -> float:
    return (_WIDTH - _LEFT) / number


def _nice(value: float) -> float:
    """Return a round even number that is not smaller."""
    size = 1
    while True:
        for each in (2, 4, 10):
            if value <= each * size:
                return each * size
        size *= 10
