"""What a process knows of itself: its version, its connections, and gateways that fail."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge


class Pool(Protocol):
    """The connections of a process to the database."""

    @property
    def size(self) -> int:
        """How many there may be."""

    @property
    def in_use(self) -> int:
        """How many are in use."""

    @property
    def waiting(self) -> int:
        """How many callers wait for one."""


def export_version(version: str, registry: CollectorRegistry) -> None:
    """Export the version as a label, which tells when a deployment was."""
    text = "1, with the version of the program."
    Gauge("payments_build_info", text, ["version"], registry=registry).labels(version).set(1)


def export_pool(pool: Pool, registry: CollectorRegistry) -> None:
    """Export how busy the connections are; read at each scrape, so it costs a statement nothing."""
    figures: tuple[tuple[str, str, Callable[[], float]], ...] = (
        ("size", "Connections to the database that this process may open.", lambda: pool.size),
        ("in_use", "Connections to the database in use.", lambda: pool.in_use),
        ("waiting", "Statements that wait for a connection.", lambda: pool.waiting),
    )
    for name, text, read in figures:
        Gauge(f"payments_database_pool_{name}", text, registry=registry).set_function(read)


def export_degraded_gateways(
    names: Iterable[str], is_away: Callable[[str], bool], registry: CollectorRegistry
) -> None:
    """Export which gateways have failed within the last minute, as far as this process knows."""
    gauge = Gauge(
        "payments_gateway_degraded",
        "1 if a call of this process has failed within the last minute and none succeeded since.",
        ["gateway"],
        registry=registry,
    )
    for name in names:
        gauge.labels(name).set_function(partial(is_away, name))


def export_reconciled(
    names: Iterable[str],
    reconciled_at: Callable[[str], datetime | None],
    started_at: datetime,
    registry: CollectorRegistry,
) -> None:
    """Export when the books of each gateway were last compared to the end by this process."""
    gauge = Gauge(
        "payments_reconciled_timestamp_seconds",
        "When the newest complete comparison with a gateway's books began; at first, when this"
        " process started.",
        ["gateway"],
        registry=registry,
    )

    def seconds(name: str) -> float:
        return (reconciled_at(name) or started_at).timestamp()

    for name in names:
        gauge.labels(name).set_function(partial(seconds, name))
