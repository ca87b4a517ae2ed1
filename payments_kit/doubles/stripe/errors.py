"""Stripe's error bodies; https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes."""

from typing import Any

Json = dict[str, Any]


class StripeFailure(Exception):
    """A request that Stripe answers with an error.

    `stored` says whether the answer is kept under the Idempotency-Key: "we don't save the
    idempotent result" when "incoming parameters fail validation", because no endpoint began to
    execute (https://docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        status: int,
        type_: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        stored: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.error: Json = {"type": type_, "message": message}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.error["param"] = param
        self.error.update({name: value for name, value in more.items() if value is not None})

    @property
    def body(self) -> Json:
        return {"error": self.error}


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400
) -> StripeFailure:
    """The parameters fail validation: nothing was executed, nothing is stored."""
    return StripeFailure(
        status, "invalid_request_error", message, code=code, param=param, stored=False
    )


def refused(
    message: str, *, code: str | None = None, param: str | None = None, **more: Any
) -> StripeFailure:
    """The parameters are well-formed but the state of things forbids it: stored under the key."""
    return StripeFailure(400, "invalid_request_error", message, code=code, param=param, **more)


def missing_object(what: str, object_id: str, param: str, *, status: int = 400) -> StripeFailure:
    message = f"No such {what}: '{object_id}'"
    return StripeFailure(
        status, "invalid_request_error", message, code="resource_missing", param=param
    )


def by_status(status: int) -> StripeFailure:
    """The error that Stripe's front sends with a bare status; https://docs.stripe.com/api/errors."""
    if status == 429:
        return StripeFailure(
            429,
            "invalid_request_error",
            "Request rate limit exceeded. You can learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            stored=False,
        )
    if status == 401:
        message = "Invalid API Key provided: sk_test_****"
        return StripeFailure(401, "invalid_request_error", message, stored=False)
    if status == 403:
        message = "The provided key does not have the required permissions for this endpoint."
        return StripeFailure(403, "invalid_request_error", message, stored=False)
    if status == 409:
        return key_in_use("?")
    if status >= 500:
        message = "An unknown error occurred"
        return StripeFailure(status, "api_error", message, stored=status == 500)
    return StripeFailure(status, "invalid_request_error", "Refused on demand", stored=False)


def key_in_use(key: str) -> StripeFailure:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later."
    )
    return StripeFailure(
        409, "invalid_request_error", message, code="idempotency_key_in_use", stored=False
    )
