"""Calls of a gateway are counted by how they end, and measured."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.gateway_captures import GatewayCaptures
from application.ports.gateway_history import GatewayHistory
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined
from entrypoints.monitoring.gateway_metrics import GatewayMetrics
from tests.builders import a_payment
from tests.world import DECLINED, VISA, World


async def test_calls_are_counted_by_gateway_method_and_result_and_a_decline_is_an_answer() -> None:
    world, metrics, registry = World(), GatewayMetrics(), CollectorRegistry()
    metrics.export(registry)
    gateway, payment = metrics.measured(world.gateway), a_payment()
    assert isinstance(await gateway.charge(payment, VISA), Charged)
    assert isinstance(await gateway.charge(a_payment("payment-2"), DECLINED), Declined)
    for kind, error in (
        (GatewayFaultKind.UNREACHABLE, GatewayUnavailable),
        (GatewayFaultKind.REQUEST_LOST, OutcomeUnknown),
    ):
        world.faults.add("charge", kind)
        with pytest.raises(error):
            await gateway.charge(a_payment("payment-3"), VISA)
    assert await gateway.find(payment)
    lines = generate_latest(registry).decode().splitlines()

    def calls(call: str, result: str) -> str:
        labels = f'call="{call}",gateway="in_memory",result="{result}"'
        return f"payments_gateway_calls_total{{{labels}}}"

    assert f"{calls('charge', 'answered')} 2.0" in lines
    assert f"{calls('charge', 'unavailable')} 1.0" in lines
    assert f"{calls('charge', 'unknown')} 1.0" in lines
    assert f"{calls('find', 'answered')} 1.0" in lines
    labels = 'call="charge",gateway="in_memory"'
    assert f"payments_gateway_call_seconds_count{{{labels}}} 4.0" in lines


def test_a_measured_gateway_has_exactly_what_the_gateway_has() -> None:
    world = World()  # its gateway has no list of charges
    gateway = GatewayMetrics().measured(world.gateway)
    assert GatewayCaptures.of(gateway).capture is not None
    assert GatewayHistory.of(gateway).list_charges is None
    assert (gateway.name, gateway.livemode) == ("in_memory", False)
    with pytest.raises(AttributeError):
        _ = gateway.unknown  # type: ignore[attr-defined]
