"""The promises of a gateway that lists what moves on its balance, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_records import Period
from domain.movement import Movement, MovementKind, Payout
from domain.outcome import Charged
from payments_kit.conformance.harness import Harness, currencies
from payments_kit.conformance.movement_harness import MovementHarness, PayoutHarness
from payments_kit.conformance.samples import a_payment, a_refund, is_accepted, paid

# Much longer than a test takes, and than the clocks differ.
_HOUR: Final = timedelta(hours=1)

# Many gateways have whole seconds only.
_HALF_A_SECOND: Final = timedelta(milliseconds=500)

_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.asyncio
class MovementListContract:
    """The promises of a gateway that lists the movements of a time."""

    async def test_a_charge_is_a_movement_right_after_its_reply_in_every_currency(
        self, harness: MovementHarness
    ) -> None:
        since = harness.gateway_time()
        for code in currencies(harness):
            payment = a_payment(17500, code)
            charged = await harness.gateway.charge(payment, harness.succeeding_token)
            assert isinstance(charged, Charged)
            [movement] = await _of_charge(harness, charged, since)
            assert movement.kind is MovementKind.CHARGE
            assert movement.amount > movement.net or movement.fee <= 0
            if movement.original is None:
                assert movement.currency == charged.amount.currency
                assert movement.amount == charged.amount.minor_units
            else:
                assert movement.original.minor_units == charged.amount.minor_units
                assert movement.original.currency == charged.amount.currency

    async def test_a_refund_is_a_movement_that_names_its_charge(
        self, harness: MovementHarness
    ) -> None:
        since = harness.gateway_time()
        payment, charged = await paid(harness, 1000)
        outcome = await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        assert is_accepted(outcome)
        moved = await _of_charge(harness, charged, since)
        [back] = [each for each in moved if each.kind is MovementKind.REFUND]
        assert back.source == outcome.reference
        original = back.amount if back.original is None else back.original.minor_units
        assert original == -400

    async def test_a_declined_payment_moves_nothing(self, harness: MovementHarness) -> None:
        before = await _balances(harness)
        payment = a_payment(1000, currencies(harness)[0])
        await harness.gateway.charge(payment, harness.declined_token)
        assert await _balances(harness) == before

    async def test_all_movements_add_up_to_the_gateway_s_balance(
        self, harness: MovementHarness
    ) -> None:
        payments = await asyncio.gather(*(paid(harness) for _ in range(12)))
        payment, charged = payments[0]
        await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        balances = await _balances(harness)
        assert balances
        for code, balance in balances.items():
            assert await harness.balance(code) == balance, code

    async def test_all_pages_together_have_each_movement_once(
        self, harness: MovementHarness
    ) -> None:
        since = harness.gateway_time()
        made = await asyncio.gather(*(paid(harness) for _ in range(12)))
        ids = [each.id async for each in _listed(harness, since)]
        assert len(ids) == len(set(ids))
        charges = [each.charge_id async for each in _listed(harness, since)]
        assert all(charges.count(charged.charge_id) == 1 for _, charged in made)

    async def test_a_movement_of_another_time_is_not_listed(self, harness: MovementHarness) -> None:
        _, charged = await paid(harness)
        now = harness.gateway_time()
        assert not await _of_charge(harness, charged, now + _HOUR)
        assert not await _of_charge(harness, charged, now - 2 * _HOUR, now - _HOUR)

    async def test_a_movement_is_in_one_of_two_periods_wherever_they_meet(
        self, harness: MovementHarness
    ) -> None:
        since = harness.gateway_time()
        _, charged = await paid(harness)
        [movement] = await _of_charge(harness, charged, since)
        at = movement.created_at
        for meeting in (at, at + _HALF_A_SECOND, at + 2 * _HALF_A_SECOND):
            before = await _of_charge(harness, charged, at - _HOUR, meeting)
            after = await _of_charge(harness, charged, meeting, at + _HOUR)
            assert (len(before), len(after)) == (int(meeting > at), int(meeting <= at))


@pytest.mark.asyncio
class PayoutListContract:
    """The promises of a gateway that tells what its payouts contain."""

    async def test_what_a_payout_contains_adds_up_to_its_amount(
        self, harness: PayoutHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        payout = await _paid_out(harness)
        [own], contained = _parts(payout, await _contained(harness, payout.id))
        assert own.net == -payout.amount
        assert sum(each.net for each in contained) == payout.amount
        assert charged.charge_id in {each.charge_id for each in contained}
        assert payout.is_itemized

    async def test_a_payout_is_listed_in_the_time_that_it_was_made(
        self, harness: PayoutHarness
    ) -> None:
        await paid(harness)
        payout = await _paid_out(harness)
        assert payout in await _payouts(harness, _BEGINNING, payout.created_at + _HOUR)
        assert payout not in await _payouts(harness, _BEGINNING, payout.created_at)

    async def test_a_payout_is_a_movement_itself(self, harness: PayoutHarness) -> None:
        await paid(harness)
        payout = await _paid_out(harness)
        listed = [each async for each in _listed(harness, _BEGINNING)]
        [own] = [each for each in listed if each.source == payout.id]
        assert (own.kind, own.payout_id) == (MovementKind.PAYOUT, payout.id)
        assert (own.amount, own.currency) == (-payout.amount, payout.currency)

    async def test_a_payout_contains_nothing_of_an_earlier_one(
        self, harness: PayoutHarness
    ) -> None:
        await paid(harness)
        earlier = await _contained(harness, (await _paid_out(harness)).id)
        _, charged = await paid(harness)
        later = await _contained(harness, (await _paid_out(harness)).id)
        assert not {each.id for each in earlier} & {each.id for each in later}
        assert charged.charge_id in {each.charge_id for each in later}

    async def test_a_payout_that_does_not_exist_is_not_found(self, harness: PayoutHarness) -> None:
        for unknown in ("po_1234567890", "../payouts", "?"):
            assert await _gateway(harness).find_payout(unknown) is None


class _Lists:
    """The lists of an adapter that has all of them."""

    def __init__(self, movements: GatewayMovements) -> None:
        assert movements.list_movements is not None, "the adapter has no list_movements"
        self.list_movements = movements.list_movements


def _gateway(harness: Harness) -> "_PayoutLists":
    return _PayoutLists(GatewayMovements.of(harness.gateway))


class _PayoutLists(_Lists):
    """The lists of an adapter that tells about payouts."""

    def __init__(self, movements: GatewayMovements) -> None:
        super().__init__(movements)
        assert movements.list_payouts is not None, "the adapter has no list_payouts"
        assert movements.find_payout is not None, "the adapter has no find_payout"
        assert movements.list_payout_movements is not None, (
            "the adapter has no list_payout_movements"
        )
        self.list_payouts = movements.list_payouts
        self.find_payout = movements.find_payout
        self.list_payout_movements = movements.list_payout_movements


async def _listed(
    harness: MovementHarness, since: datetime, until: datetime | None = None
) -> AsyncIterator[Movement]:
    lists, cursor = _Lists(GatewayMovements.of(harness.gateway)), None
    until = until or harness.gateway_time() + _HOUR
    while True:
        page = await lists.list_movements(Period(since, until), cursor)
        for movement in page.records:
            yield movement
        if (cursor := page.cursor) is None:
            return


async def _of_charge(
    harness: MovementHarness, charged: Charged, since: datetime, until: datetime | None = None
) -> list[Movement]:
    listed = [each async for each in _listed(harness, since, until)]
    return [each for each in listed if each.charge_id == charged.charge_id]


async def _balances(harness: MovementHarness) -> dict[str, int]:
    balances: dict[str, int] = {}
    async for each in _listed(harness, _BEGINNING):
        balances[each.currency.code] = balances.get(each.currency.code, 0) + each.net
    return balances


async def _paid_out(harness: PayoutHarness) -> Payout:
    payout = await _gateway(harness).find_payout(await harness.pay_out(currencies(harness)[0]))
    assert payout is not None
    return payout


async def _payouts(harness: PayoutHarness, since: datetime, until: datetime) -> list[Payout]:
    found: list[Payout] = []
    cursor = None
    while True:
        page = await _gateway(harness).list_payouts(Period(since, until), cursor)
        found += page.records
        if (cursor := page.cursor) is None:
            return found


async def _contained(harness: PayoutHarness, payout_id: str) -> list[Movement]:
    found: list[Movement] = []
    cursor = None
    while True:
        page = await _gateway(harness).list_payout_movements(payout_id, cursor)
        found += page.records
        if (cursor := page.cursor) is None:
            assert {each.payout_id for each in found} == {payout_id}
            return found


def _parts(payout: Payout, movements: list[Movement]) -> tuple[list[Movement], list[Movement]]:
    """Return the payout's own movement, and what it contains."""
    own = [each for each in movements if each.is_payout and each.source == payout.id]
    return own, [each for each in movements if each not in own]
