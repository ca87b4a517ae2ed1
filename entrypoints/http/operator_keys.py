"""Authentication of operators: a key as a bearer token."""

import hmac
from collections.abc import Sequence

from attrs import frozen

from application.log_context import note
from entrypoints.http.credentials import bearer, digest
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.sign_in_refusals import Refusal, RefusalLog, RefusalReason
from entrypoints.settings import Operator


@frozen
class OperatorKeys:
    """Finds the operator whose key a request carries."""

    operators: Sequence[Operator]
    refusals: RefusalLog

    def authenticate(self, request: HttpRequest) -> str:
        """Return the name of the operator; the log lines of the request show it, too.

        Raises:
            NotAuthorized: the request carries the key of none.
        """
        credentials = bearer(request)
        actual = digest(credentials or "")
        # Every key is compared, so that the time does not depend on which one it is.
        names = [
            each.name for each in self.operators if hmac.compare_digest(actual, digest(each.key))
        ]
        if not names:
            problem = "no key" if credentials is None else "a key that is no operator's"
            text = f"a request of the operator API has {problem}"
            self.refusals.record(Refusal(RefusalReason.OPERATOR_KEY, text))
            raise NotAuthorized
        note(operator=names[0])
        return names[0]
