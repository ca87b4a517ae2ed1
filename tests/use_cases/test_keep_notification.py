"""KeepNotification and ReplayNotifications: nothing that was verified is lost."""

from collections.abc import Mapping

import pytest
from attrs import define

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import (
    DisputeNotification,
    Notification,
    PaymentNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.receive_notification import ReceiveNotification
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.payment_status import PaymentStatus
from tests.builders import GATEWAY, PRICE, charged
from tests.world import World

BODY = b"what the gateway sent"
UNUSABLE = UnusableNotification("evt_1", "the event type is unknown")


@define
class Version:
    """A version of the service: it reads every notification as this one."""

    reads: Notification = UNUSABLE

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        assert body == BODY
        return self.reads


async def reasons(world: World) -> list[str]:
    return [each.reason for each in await world.unusable.list(100)]


async def with_unknown_outcome(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    await world.pay()


async def test_an_unusable_notification_is_kept_once_however_often_it_arrives(
    world: World,
) -> None:
    for _ in range(3):
        await world.receive(UNUSABLE, BODY)
    (kept,) = await world.unusable.list(10)
    assert (kept.notification_id, kept.body, kept.gateway) == ("evt_1", BODY, "in_memory")


async def test_the_payment_that_it_names_is_checked_at_once(world: World) -> None:
    await with_unknown_outcome(world)
    payment = world.payment()
    await world.receive(UnusableNotification("evt_1", "no amount", payment.id), BODY)
    assert world.payment().next_check_at == world.now()
    await world.receive(UnusableNotification("evt_2", "no amount", type(payment.id)("?")), BODY)


async def test_a_notification_that_cannot_be_applied_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(ReceiveNotification, "_apply", fail)
    await world.receive(UnrelatedNotification("evt_1"), BODY)
    assert await reasons(world) == ["it could not be applied: ValueError"]


async def test_while_the_database_is_away_it_is_not_confirmed(world: World) -> None:
    world.failing.add("database")
    for notification in (UNUSABLE, UnrelatedNotification("evt_2")):
        with pytest.raises(StorageUnavailable):
            await world.receive(notification, BODY)


async def test_a_later_version_applies_what_was_kept(world: World) -> None:
    await with_unknown_outcome(world)
    await world.receive(UNUSABLE, BODY)
    replay = world.use_cases().replay_notifications.run_once
    assert await replay({GATEWAY: Version()}) == set()
    (kept,) = await world.unusable.list(10)
    assert kept.attempts == 1

    payment_id = world.payment().id
    later = Version(PaymentNotification("evt_1", payment_id, charged(payment_id)))
    assert await replay({GATEWAY: later}) == {kept.id}
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert await world.unusable.list(10) == []


async def test_a_later_version_removes_what_is_not_ours(world: World) -> None:
    await world.receive(UNUSABLE, BODY)
    (kept,) = await world.unusable.list(10)
    replay = world.use_cases().replay_notifications.run_once
    later = Version(UnrelatedNotification("evt_1"))
    assert await replay({GATEWAY: later}, {kept.id + 1}) == set()
    assert await replay({GATEWAY: later}, {kept.id}) == {kept.id}
    assert await world.unusable.list(10) == []


async def test_a_dispute_with_an_unknown_status_is_an_alert(world: World) -> None:
    await world.create_order()
    await world.pay()
    charge = world.payment().charge_id or ChargeId("")
    await world.receive(
        DisputeNotification(
            "evt_1",
            charge,
            DisputeId("dp_1"),
            PRICE,
            "fraudulent",
            DisputeStatus.WON,
            unknown_status="a_status_of_tomorrow",
        )
    )
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_UNREADABLE, "dp_1")
    assert "a_status_of_tomorrow; it is recorded as won" in alert.text
