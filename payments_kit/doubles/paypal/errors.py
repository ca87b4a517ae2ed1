"""PayPal's errors; https://developer.paypal.com/api/rest/responses/ and the errors of each API.

https://developer.paypal.com/api/rest/reference/orders/v2/errors/
https://developer.paypal.com/docs/api/payments/v2/
"""

from typing import Any, Final

Json = dict[str, Any]

# The name and the message of each status.
NAMES: Final = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication "
        "credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: (
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    415: (
        "UNSUPPORTED_MEDIA_TYPE",
        "The server does not support the request payload's media type.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business "
        "validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}

_SYNTAX: Final = {
    "INVALID_ARRAY_MAX_ITEMS": "The number of items in an array parameter is too large.",
    "INVALID_ARRAY_MIN_ITEMS": "The number of items in an array parameter is too small.",
    "INVALID_PATCH_OPERATION": "The operation cannot be honored. Cannot add a property that's "
    "already present, use replace. Cannot replace a property that's not present, use add.",
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "The value of a field is invalid.",
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing.",
    "NOT_SUPPORTED": "This field is not currently supported.",
    "PAYPAL_REQUEST_ID_REQUIRED": "A PayPal-Request-Id is required if you are trying to process "
    "payment for an Order.",
}
_BUSINESS: Final = {
    "ACTION_DOES_NOT_MATCH_INTENT": "The order was created with another intent.",
    "AMOUNT_MISMATCH": "Should equal item_total + tax_total + shipping + handling + insurance - "
    "shipping_discount - discount.",
    "AUTHORIZATION_ALREADY_CAPTURED": "Authorization has previously been captured.",
    "AUTHORIZATION_DENIED": "A denied authorization cannot be captured.",
    "AUTHORIZATION_EXPIRED": "An expired authorization cannot be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured or reauthorized.",
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "Currency of capture must be the same as currency of "
    "authorization.",
    "AUTH_CURRENCY_MISMATCH": "The currency specified during reauthorization should be the same as "
    "the currency specified in the original authorization.",
    "CANNOT_BE_VOIDED": "A reauthorization cannot be voided. Please void the original parent "
    "authorization.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "Must be greater than zero.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "DECIMALS_NOT_SUPPORTED": "Currency does not support decimals.",
    "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place precision is "
    "supported.",
    "DUPLICATE_INVOICE_ID": "Duplicate Invoice ID detected.",
    "DUPLICATE_REFERENCE_ID": "`reference_id` must be unique if multiple `purchase_unit` are "
    "provided.",
    "INSTRUMENT_DECLINED": "The instrument presented was either declined by the processor or bank, "
    "or it can't be used for this payment.",
    "INVALID_CURRENCY_CODE": "Currency code is invalid or is not currently supported.",
    "INVALID_JSON_POINTER_FORMAT": "Path should be a valid JSON Pointer.",
    "ITEM_TOTAL_MISMATCH": "Should equal sum of (unit_amount * quantity) across all items for a "
    "given purchase_unit.",
    "ITEM_TOTAL_REQUIRED": "If item details are specified, item_total is required.",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": "Capture amount exceeds allowable limit.",
    "MAX_CAPTURE_COUNT_EXCEEDED": "Maximum number of allowable captures has been reached.",
    "MAX_VALUE_EXCEEDED": "Should be less than or equal to 999999999999999.99.",
    "MULTI_CURRENCY_ORDER": "Multiple differing values of currency_code are not supported.",
    "NOT_PATCHABLE": "Cannot be patched.",
    "ORDER_ALREADY_AUTHORIZED": "Order already authorized. If 'intent=AUTHORIZE' only one "
    "authorization per order is allowed.",
    "ORDER_ALREADY_CAPTURED": "Order already captured. If 'intent=CAPTURE' only one capture per "
    "order is allowed.",
    "ORDER_ALREADY_COMPLETED": "The order cannot be patched after it is completed.",
    "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment.",
    "PARTIAL_REFUND_NOT_ALLOWED": "You cannot do a refund less than the original capture amount.",
    "PATCH_PATH_REQUIRED": "Please specify a 'path' for the field for which the operation needs "
    "to be performed.",
    "PATCH_VALUE_REQUIRED": "Please specify a 'value' for the field that is being patched.",
    "PAYEE_ACCOUNT_RESTRICTED": "The merchant account is restricted.",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "The payer account cannot be used for this transaction.",
    "PAYER_ACTION_REQUIRED": "Transaction cannot complete successfully, instruct the buyer to "
    "return to PayPal.",
    "PAYER_CANNOT_PAY": "Payer cannot pay for this transaction.",
    "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending.",
    "PREVIOUSLY_CAPTURED": "Authorization has been previously captured and hence cannot be voided.",
    "PREVIOUSLY_VOIDED": "Authorization has been previously voided and hence cannot be voided "
    "again.",
    "REAUTHORIZATION_NOT_SUPPORTED": "A reauthorize cannot be attempted on an authorization_id "
    "that is the result of a prior reauthorization.",
    "REFERENCE_ID_NOT_FOUND": "Filter expression value is incorrect.",
    "REFERENCE_ID_REQUIRED": "'reference_id' is required for each 'purchase_unit' if multiple "
    "'purchase_unit' are provided.",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount "
    "that has not yet been refunded.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "Capture could not be refunded due to insufficient funds.",
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "Refunds are not allowed on this capture due to a "
    "chargeback on the card or bank.",
    "REFUND_TIME_LIMIT_EXCEEDED": "You are over the time limit to perform a refund on this capture",
    "TRANSACTION_DISPUTED": "Partial refunds cannot be offered at this time because there is an "
    "open case on this transaction.",
    "TRANSACTION_REFUSED": "The request was refused.",
    "UNSUPPORTED_INTENT": "`intent=AUTHORIZE` is not supported for multiple purchase units.",
}
_OTHERS: Final = {
    "INVALID_RESOURCE_ID": (
        404,
        "Specified resource ID does not exist. Please check the resource ID and try again.",
    ),
    "PERMISSION_DENIED": (
        403,
        "You do not have permission to access or perform operations on this resource.",
    ),
    "PREVIOUS_REQUEST_IN_PROGRESS": (
        409,
        "A previous request on this resource is currently in progress.",
    ),
}
ISSUES: Final[dict[str, tuple[int, str]]] = {
    **{issue: (400, description) for issue, description in _SYNTAX.items()},
    **{issue: (422, description) for issue, description in _BUSINESS.items()},
    **_OTHERS,
}
"""The status and the description of each issue."""


class PayPalFailure(Exception):
    """An error reply: a status, a body without its debug_id, and headers."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def by_status(status: int, details: list[Json] | None = None, **more: Any) -> PayPalFailure:
    """Return the error of a status."""
    name, message = NAMES.get(status, NAMES[500 if status >= 500 else 400])
    body: Json = {"name": name, "message": message}
    if details:
        body["details"] = details
    return PayPalFailure(status, body | more)


def failed(
    issue: str, field: str | None = None, value: Any = None, location: str = "body", **more: Any
) -> PayPalFailure:
    """Return the error of an issue; `field` is a JSON pointer."""
    status, description = ISSUES[issue]
    detail: Json = {"issue": issue, "description": description}
    if field is not None:
        detail = {"field": field, "location": location} | detail
    if value is not None:
        detail["value"] = str(value)[:100]
    return by_status(status, [detail], **more)


def oauth_failure(status: int, error: str, description: str) -> PayPalFailure:
    """Return an error of the token endpoint; https://www.rfc-editor.org/rfc/rfc6749#section-5.2."""
    return PayPalFailure(status, {"error": error, "error_description": description})


def request_id_reused() -> PayPalFailure:
    """Return the error for a PayPal-Request-Id that was used for another request."""
    message = "The value of PayPal-Request-Id header has already been used"
    return PayPalFailure(400, {"name": "DUPLICATE_REQUEST_ID", "message": message})
