"""What Prometheus has stored after several scrapes, as `promtool test rules` reads it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

Key = tuple[str, tuple[tuple[str, str], ...]]


@frozen
class Scrape:
    """The samples of one moment."""

    at: datetime
    values: dict[Key, float] = field(factory=dict)

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Add the sample of a series."""
        self.values[name, tuple(sorted(labels.items()))] = value


def input_series(
    scrapes: Sequence[Scrape], names: frozenset[str], lead: int
) -> list[dict[str, str]]:
    """Return the series of these metrics; one that a scrape lacks becomes stale.

    promtool begins in 1970, and the first scrape is `lead` minutes later.
    """
    began_at = scrapes[0].at.timestamp() - lead * 60
    values: defaultdict[Key, list[str]] = defaultdict(lambda: [f"_x{lead}"])
    present = {key for scrape in scrapes for key in scrape.values if key[0] in names}
    for scrape in scrapes:
        for key in present:
            value = scrape.values.get(key)
            if value is None:
                values[key].append("stale")
            else:
                values[key].append(_number(key[0], value, began_at))
    return [
        {"series": f"{name}{{{_labels(labels)}}}", "values": " ".join(values[name, labels])}
        for name, labels in sorted(present)
    ]


def _number(name: str, value: float, began_at: float) -> str:
    if name.endswith("_timestamp_seconds") and value > 0:
        value = max(value - began_at, 1.0)  # 0 means that there is none
    return repr(value).replace("nan", "NaN")


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in labels)


def firing(name: str, minute: int, alerts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what promtool expects in this minute: these alerts only.

    `alerts` has the severity of each. A failure is printed with the expression, and so with `name`.
    """
    expected = [
        {"labels": f'{{alertname="{alert}", severity="{severity}"}}', "value": 1}
        for alert, severity in sorted(alerts.items())
    ]
    return [
        {
            "expr": f'group by (alertname, severity) (ALERTS{{alertstate="firing"}}) # {name}',
            "eval_time": f"{minute}m",
            "exp_samples": expected,
        }
    ]
