"""operator_routes: what operators do and read over HTTP, composed of its routes."""

from collections.abc import Sequence

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from entrypoints.http import openapi, openapi_errors
from entrypoints.http import openapi_operations as operations
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.captures import CaptureHandler
from entrypoints.http.dead_letter_access import DeadLetterAccess
from entrypoints.http.dead_letter_routes import DeadLetterRoutes
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.handlers import RefundHandler
from entrypoints.http.idempotency import IdempotencyGuard
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.operator_reads import OperatorReads
from entrypoints.http.operator_routes import OperatorRoutes
from entrypoints.http.payment_lists import PaymentLists
from entrypoints.http.reviews import ReviewHandler
from entrypoints.http.sign_in_refusals import RefusalLog


def operator_routes(
    dependencies: HttpDependencies, refusals: RefusalLog, tasks: BackgroundTasks
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of operators; each asks for the key of one first."""
    use_cases = dependencies.use_cases
    guard = IdempotencyGuard(dependencies.idempotency_store)
    operators = OperatorKeys(dependencies.settings.operators, refusals)
    letters = DeadLetterAccess(dependencies.open_dead_letters)
    return (
        *_payment_routes(
            OperatorRoutes(
                RefundHandler(use_cases.refund_payment, guard, tasks),
                CaptureHandler(use_cases.capture_payment, use_cases.void_payment, guard, tasks),
                ReviewHandler(use_cases.review_payment, guard, tasks),
                operators,
            )
        ),
        *_read_routes(
            OperatorReads(use_cases.find_order, operators),
            PaymentLists(dependencies.search, operators),
        ),
        *_dead_letter_routes(DeadLetterRoutes(letters, operators, tasks)),
    )


def _payment_routes(operators: OperatorRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        post(
            "/api/payments/{payment_id:str}/refunds",
            operation_id="createRefund",
            operation_class=operations.CreateRefund,
            security=openapi.OPERATOR_SECURITY,
            responses=openapi.REFUND_CREATED
            | openapi_errors.problems(
                400, 401, 404, 408, 409, 413, 415, 422, 503, errors=openapi_errors.REFUND_ERRORS
            ),
        )(operators.refund),
        post(
            "/api/payments/{payment_id:str}/captures",
            operation_id="capturePayment",
            operation_class=operations.CapturePayment,
            security=openapi.OPERATOR_SECURITY,
            status_code=200,
            responses=openapi.PAYMENT_CAPTURED
            | openapi_errors.problems(
                400,
                401,
                404,
                408,
                409,
                413,
                415,
                422,
                502,
                503,
                errors=openapi_errors.CAPTURE_ERRORS,
            ),
        )(operators.capture),
        post(
            "/api/payments/{payment_id:str}/void",
            operation_id="voidPayment",
            operation_class=operations.VoidPayment,
            security=openapi.OPERATOR_SECURITY,
            status_code=200,
            responses=openapi.PAYMENT_VOIDED
            | openapi_errors.problems(
                400, 401, 404, 408, 409, 413, 415, 422, 503, errors=openapi_errors.VOID_ERRORS
            ),
        )(operators.void),
        post(
            "/api/payments/{payment_id:str}/review",
            operation_id="reviewPayment",
            operation_class=operations.ReviewPayment,
            security=openapi.OPERATOR_SECURITY,
            status_code=200,
            responses=openapi.PAYMENT_REVIEWED
            | openapi_errors.problems(
                400, 401, 404, 408, 409, 413, 415, 422, 503, errors=openapi_errors.REVIEW_ERRORS
            ),
        )(operators.review),
    )


def _read_routes(reads: OperatorReads, lists: PaymentLists) -> Sequence[HTTPRouteHandler]:
    return (
        get(
            "/api/operator/payments",
            operation_id="findPayments",
            operation_class=operations.FindPayments,
            security=openapi.OPERATOR_SECURITY,
            responses=openapi.PAYMENT_PAGE | openapi_errors.problems(400, 401, 503),
        )(lists.index),
        get(
            "/api/operator/orders/{order_id:str}",
            operation_id="showOrder",
            security=openapi.OPERATOR_SECURITY,
            responses=openapi.ORDER | openapi_errors.problems(400, 401, 404, 503),
        )(reads.order),
    )


def _dead_letter_routes(letters: DeadLetterRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        get(
            "/api/operator/dead-letters",
            operation_id="listDeadLetters",
            operation_class=operations.ListDeadLetters,
            security=openapi.OPERATOR_SECURITY,
            responses=openapi.DEAD_LETTERS | openapi_errors.problems(400, 401, 503),
        )(letters.index),
        post(
            "/api/operator/dead-letters/{letter_id:str}/replay",
            operation_id="replayDeadLetter",
            operation_class=operations.NoFields,
            security=openapi.OPERATOR_SECURITY,
            status_code=200,
            responses=openapi.DEAD_LETTER
            | openapi_errors.problems(400, 401, 404, 408, 413, 415, 503),
        )(letters.replay),
    )
