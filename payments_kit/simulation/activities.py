"""Activities: what the actors of a run do, counted like the faults."""

from enum import Enum


class Activity(Enum):
    """What customers, operators, the orders service, banks and gateways do in a run."""

    PAYS = "customer pays for an order"
    PAYS_FOR_OTHERS = "user pays for an order that is not theirs"
    PAYS_AT_SECOND = "customer chooses the second gateway"
    AUTHENTICATES = "customer authenticates"
    FAILS_TO_AUTHENTICATE = "customer fails to authenticate"
    CREATES_SESSION = "customer asks for a session"
    APPROVES = "customer approves a session"
    TOO_MANY_DECLINES = "customer is refused after too many declined cards"
    CANCELS = "customer cancels a payment"
    REFUNDS = "operator refunds"
    CAPTURES = "operator captures"
    RELEASES = "operator releases an authorization"
    REVIEWS = "operator decides about a payment in review"
    RECONCILES = "operator reconciles the books with a gateway"
    MAKES_MISTAKE = "a request that cannot be right"
    CREATED = "order created"
    CHANGED = "order changed"
    HANDED_OVER = "order handed to another user"
    CANCELLED = "order cancelled or expired"
    SHIPPED = "order shipped"
    MALFORMED = "order event that can never be used"
    NOTIFIES = "gateway sends a notification"
    NOTIFIES_OF_OTHERS = "gateway sends a notification about what is not this service's"
    REPLAYS_NOTIFICATIONS = "operator replays kept notifications"
    DEBIT_ENDS = "bank pays or returns a debit"
    HOLD_ENDS = "authorization reaches its end"
    REPLAYS_LETTERS = "operator replays a dead letter"
    READS = "user reads a payment, or those of an order"

    __hash__ = object.__hash__
