"""Compose the documents of the interfaces: nothing is connected to."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from adapters.messaging.bodies import body_of
from adapters.messaging.examples import EVENTS, example
from adapters.messaging.jetstream.namespace import Namespace
from adapters.messaging.jetstream.plans import Plan, Plans
from domain.events import PaymentCreated
from entrypoints.event_document import EventKind, Example, Json, event_document
from entrypoints.worker.order_events import ORDER_SHIPPED
from entrypoints.worker.order_examples import ORDER_EVENTS

_COMPLETES: Final = "The role `complete` of the worker marks our replica of the order complete."


def document_of_events(prefix: str = "", capture_subject: str = ORDER_SHIPPED) -> Json:
    """Return the AsyncAPI document, with the subjects of these settings."""
    namespace, plans = Namespace(prefix), Plans.on(capture_subject)
    kinds = [*_read(namespace, plans, capture_subject), *_published(namespace, plans.payments)]
    return event_document(kinds, version("payments"), namespace.subject)


def _read(namespace: Namespace, plans: Plans, capture_subject: str) -> Iterator[EventKind]:
    for subject, (body, examples) in ORDER_EVENTS.items():
        captures = subject == ORDER_SHIPPED
        yield EventKind(
            subject=capture_subject if captures else subject,
            body=body,
            stream=namespace.stream(plans.orders.name),
            examples=[Example(each) for each in examples],
            setting="CAPTURE_SUBJECT" if captures else "",
        )


def _published(namespace: Namespace, plan: Plan) -> Iterator[EventKind]:
    for event in EVENTS:
        message = example(event)
        yield EventKind(
            subject=message.subject,
            body=type(body_of(event)),
            stream=namespace.stream(plan.name),
            examples=[Example(message.data, message.headers)],
            is_ours=True,
            also_read=_COMPLETES if isinstance(event, PaymentCreated) else "",
        )
