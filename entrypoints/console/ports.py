"""ConsolePorts: what the console reads in addition to the use cases of the operator API."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from attrs import frozen

from application.ports.backlog import BacklogReader
from application.ports.differences import Differences
from application.ports.inbound_lag import InboundLag
from application.ports.operator_sessions import OperatorSessions
from application.ports.order_ids import OrderIds
from application.ports.payment_figures import PaymentFigures


@frozen(kw_only=True)
class ConsolePorts:
    """The ports."""

    sessions: OperatorSessions
    order_ids: OrderIds
    backlog: BacklogReader
    differences: Differences
    figures: PaymentFigures
    open_lag: Callable[[], AbstractAsyncContextManager[InboundLag]]
    """Connects to NATS for one request, as for the dead letters."""
