"""ApplyDeferredNotifications: what is applied, what stays, and what is deleted."""

from inspect import signature

import pytest
from attrs import evolve

from application.ports.gateway_notifications import ExternalRefundNotification
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.apply_deferred_notifications import ApplyDeferredNotifications
from tests.builders import an_order, dollars
from tests.checkpoints import FailAt
from tests.use_cases.test_receive_notification_rules import CHARGE, PAID, Shop
from tests.use_cases.test_refund_steps import EXTERNAL


@pytest.mark.parametrize("error", [StorageUnavailable("down"), ZeroDivisionError("a bug")])
async def test_a_deferred_notification_that_fails_stops_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    for number in range(3):
        report = evolve(EXTERNAL, reference=f"re_{number}", amount=dollars("1"))
        await shop.receive(ExternalRefundNotification(f"evt-{number}", CHARGE, report))
    await shop.store(an_order(PAID))
    shop.world.checkpoint = FailAt(0, error, {"commit"})
    apply = shop.use_cases.apply_deferred_notifications
    if isinstance(error, StorageUnavailable):
        with pytest.raises(StorageUnavailable):
            await apply.run_once()
        assert not shop.world.order().refunds
    else:
        assert await apply.run_once() == 2
        assert "could not apply notification in_memory:evt-0" in caplog.text
        assert shop.deferred == 1


async def test_a_hundred_are_applied_at_once_and_those_that_are_too_old_are_deleted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = Shop()
    for number in range(101):
        await shop.receive(ExternalRefundNotification(f"evt-{number}", CHARGE, EXTERNAL))
    apply = shop.use_cases.apply_deferred_notifications
    shop.world.advance(hours=72)
    assert await apply.run_once() == 0
    shop.world.advance(seconds=0.001)
    with caplog.at_level("INFO"):
        assert [await apply.run_once() for _ in range(3)] == [100, 1, 0]
    assert "notification in_memory:evt-0 was deleted: its charge is not ours" in caplog.text
    assert "was applied" not in caplog.text


def test_a_run_has_a_limit() -> None:
    assert signature(ApplyDeferredNotifications.run_once).parameters["limit"].default == 100
