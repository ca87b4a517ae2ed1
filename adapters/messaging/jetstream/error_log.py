"""ErrorLog: the errors of a connection, each logged once until the broker is reached again."""

import logging

from attrs import define, field

from adapters.messaging.jetstream.client import SecureClient
from adapters.messaging.jetstream.denials import Denials
from adapters.messaging.jetstream.explain import explain

logger = logging.getLogger(__name__)


@define
class ErrorLog:
    """What went wrong since the broker was reached last."""

    _denials: Denials
    _texts: list[str] = field(factory=list, init=False)

    @property
    def last(self) -> str:
        """The newest error; "no response" if there is none."""
        return self._texts[-1] if self._texts else "no response"

    def add(self, error: Exception, client: SecureClient | None) -> None:
        """Log an error, unless the same one is logged already."""
        if client is not None and client.lacks_credentials and not client.is_connected:
            text = "NATS requires a user, and neither NATS_URL nor a file has one"
        else:
            text = str(self._denials.record(error) or explain(error))
        if text not in self._texts:
            logger.warning("broker: %s", text)
            self._texts.append(text)

    def clear(self) -> None:
        """Forget the errors: the broker is reached again."""
        self._texts.clear()
