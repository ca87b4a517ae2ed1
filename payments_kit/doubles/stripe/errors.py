"""Stripe's errors; https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes."""

from typing import Any

Json = dict[str, Any]


class StripeFailure(Exception):
    """An error reply.

    `stored` is whether the reply is kept under the idempotency key: "we don't save the idempotent
    result" when "incoming parameters fail validation", because no endpoint began to execute
    (https://docs.stripe.com/api/idempotent_requests).
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
        """The JSON body."""
        return {"error": self.error}


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400
) -> StripeFailure:
    """Return the error for invalid parameters; it is not stored."""
    return StripeFailure(
        status, "invalid_request_error", message, code=code, param=param, stored=False
    )


def refused(
    message: str, *, code: str | None = None, param: str | None = None, **more: Any
) -> StripeFailure:
    """Return the error for a request that the object's state forbids; it is stored."""
    return StripeFailure(400, "invalid_request_error", message, code=code, param=param, **more)


def missing_object(what: str, object_id: str, param: str, *, status: int = 400) -> StripeFailure:
    """Return the error for an unknown id."""
    message = f"No such {what}: '{object_id}'"
    return StripeFailure(
        status, "invalid_request_error", message, code="resource_missing", param=param
    )


def by_status(status: int, error: Json | None = None) -> StripeFailure:
    """Return the error of a status, as a fault sends it; https://docs.stripe.com/api/errors."""
    if error is not None:
        fields = {"type": "invalid_request_error", "message": "Refused on demand"} | error
        type_, message = fields.pop("type"), fields.pop("message")
        return StripeFailure(status, type_, message, stored=False, **fields)
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
    """Return the error for a key whose first request is in progress."""
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later."
    )
    return StripeFailure(
        409, "invalid_request_error", message, code="idempotency_key_in_use", stored=False
    )
