"""The table from errors to replies: it is also for what derives from an error in it."""

import pytest

from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable
from application.ports.payment_gateway import GatewayUnavailable, KeyRefused
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.console.origin import ForeignRequest
from entrypoints.http.errors import NotAuthorized, reply_to


class _OfAPlugIn(GatewayUnavailable):
    """An error of a plug-in's own."""


class _Refused(StorageUnavailable):
    """The database is there, and refuses a statement."""


@pytest.mark.parametrize(
    ("special", "general", "status"),
    [
        (KeyRefused("no key"), GatewayUnavailable("away"), 503),
        (_OfAPlugIn("away"), GatewayUnavailable("away"), 503),
        (
            BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, "S", "no"),
            BrokerUnavailable("away"),
            503,
        ),
        (_Refused("no room"), StorageUnavailable("away"), 503),
        (ForeignRequest(), NotAuthorized(), 401),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_a_special_kind_gets_the_reply_of_its_kind(
    special: Exception, general: Exception, status: int
) -> None:
    assert reply_to(special) == reply_to(general)
    assert reply_to(special).status == status


def test_an_error_that_nobody_expected_gets_500_without_its_words() -> None:
    reply = reply_to(ValueError("4242 4242 4242 4242"))
    assert (reply.status, b"4242" in reply.content) == (500, False)
