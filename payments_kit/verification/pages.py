"""All pages of a gateway's list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from application.ports.gateway_records import Page, Period, Record
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from application.use_cases.reconcile import PAUSES


async def all_pages(
    list_page: Callable[[Period, str | None], Awaitable[Page[Record]]],
    period: Period,
    notice: Callable[[str], None],
) -> AsyncIterator[Page[Record]]:
    """Yield all pages; one that cannot be had is asked for again, so that nothing is lost by it.

    `notice` is told why.
    """
    cursor: str | None = None
    while True:
        page = await _page(list_page, period, cursor, notice)
        yield page
        if page.cursor is None:
            return
        cursor = page.cursor


async def _page(
    list_page: Callable[[Period, str | None], Awaitable[Page[Record]]],
    period: Period,
    cursor: str | None,
    notice: Callable[[str], None],
) -> Page[Record]:
    for pause in PAUSES:
        try:
            return await list_page(period, cursor)
        except LookupRefused:
            raise
        except OutcomeUnknown as unknown:
            notice(f"no page of its list ({unknown}): asking again in {pause:g} s")
            await asyncio.sleep(pause)
    return await list_page(period, cursor)
