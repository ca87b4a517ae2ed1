"""console_routes: the console, composed of its pages."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from entrypoints.console.actions import ActionPages
from entrypoints.console.attempts import SignInAttempts
from entrypoints.console.dead_letters import PATH as DEAD_LETTERS
from entrypoints.console.dead_letters import DeadLetterPages
from entrypoints.console.differences import PATH as DIFFERENCES
from entrypoints.console.differences import DifferencesPage
from entrypoints.console.health import PATH as HEALTH
from entrypoints.console.health import HealthPage
from entrypoints.console.live import LiveFigures
from entrypoints.console.operators import OperatorDesk
from entrypoints.console.order_page import OrderPage
from entrypoints.console.overview import PATH as OVERVIEW
from entrypoints.console.overview import OverviewPage, RecentFigures
from entrypoints.console.pages import SIGN_IN, Handler, Pages, error_page
from entrypoints.console.payment_list import PATH as PAYMENTS
from entrypoints.console.payment_list import PaymentListPage
from entrypoints.console.ports import ConsolePorts
from entrypoints.console.reviews import PATH as REVIEWS
from entrypoints.console.reviews import ReviewQueue
from entrypoints.console.search import SearchPage
from entrypoints.console.sign_in import SignInRoutes
from entrypoints.console.static_files import StaticFiles
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.captures import CaptureHandler
from entrypoints.http.dead_letter_access import DeadLetterAccess
from entrypoints.http.dependencies import HttpDependencies, ShowError
from entrypoints.http.handlers import RefundHandler
from entrypoints.http.idempotency import IdempotencyGuard
from entrypoints.http.responses import on_error
from entrypoints.http.reviews import ReviewHandler
from entrypoints.http.sign_in_refusals import RefusalLog
from entrypoints.settings import Settings


def console_routes(
    ports: ConsolePorts,
    dependencies: HttpDependencies,
    refusals: RefusalLog,
    tasks: BackgroundTasks,
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of the console; without operators there are none."""
    settings = dependencies.settings
    if not settings.operators:
        return ()
    desk = OperatorDesk(settings.operators, ports.sessions)
    pages = Pages(desk, dependencies.clock)
    attempts = SignInAttempts(dependencies.clock)
    signing_in = SignInRoutes(desk, attempts, refusals, settings.trusted_proxies)
    return (
        _get("/ops/static/{name:str}", StaticFiles().show),
        _get(SIGN_IN, signing_in.show),
        _post(SIGN_IN, signing_in.sign_in),
        _post("/ops/sign-out", pages.action(signing_in.sign_out)),
        *_reading(ports, dependencies, pages),
        *_watching(ports, dependencies, pages),
        *_acting(dependencies, pages, tasks),
        *_dead_letters(dependencies, pages, tasks),
    )


def console_errors(settings: Settings) -> ShowError:
    """Return what shows errors of the console as pages, such as an unknown path."""
    return _show_error if settings.operators else on_error


def _show_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    path = request.url.path
    is_page = path == OVERVIEW or path.startswith(f"{OVERVIEW}/")
    return error_page(error, None) if is_page else on_error(request, error)


def _reading(
    ports: ConsolePorts, dependencies: HttpDependencies, pages: Pages
) -> Sequence[HTTPRouteHandler]:
    use_cases, search = dependencies.use_cases, dependencies.search
    gateways = use_cases.create_charge.claim.gateways.names
    searching = SearchPage(use_cases.find_order, ports.order_ids, search, dependencies.clock)
    return (
        _get(PAYMENTS, pages.page(PaymentListPage(search, sorted(gateways)).show)),
        _get("/ops/order", pages.page(OrderPage(use_cases.find_order).show)),
        _get("/ops/orders/{order_id:str}", pages.page(OrderPage(use_cases.find_order).show)),
        _get("/ops/search", pages.page(searching.show)),
        _get(REVIEWS, pages.page(ReviewQueue(search).show)),
    )


def _watching(
    ports: ConsolePorts, dependencies: HttpDependencies, pages: Pages
) -> Sequence[HTTPRouteHandler]:
    figures = RecentFigures(ports.figures, dependencies.clock)
    overview = OverviewPage(ports.backlog, dependencies.alerts, figures, dependencies.registry)
    return (
        _get(OVERVIEW, pages.page(overview.show)),
        _get("/ops/live", pages.live(LiveFigures(ports.backlog, pages.desk).show)),
        _get(DIFFERENCES, pages.page(DifferencesPage(ports.differences).show)),
        _get(HEALTH, pages.page(HealthPage(ports, dependencies.alerts).show)),
    )


def _acting(
    dependencies: HttpDependencies, pages: Pages, tasks: BackgroundTasks
) -> Sequence[HTTPRouteHandler]:
    use_cases, guard = dependencies.use_cases, IdempotencyGuard(dependencies.idempotency_store)
    actions = ActionPages(
        use_cases.find_order,
        RefundHandler(use_cases.refund_payment, guard, tasks),
        CaptureHandler(use_cases.capture_payment, use_cases.void_payment, guard, tasks),
        ReviewHandler(use_cases.review_payment, guard, tasks),
    )
    path = "/ops/payments/{payment_id:str}/{action:str}"
    return (_get(path, pages.page(actions.show)), _post(path, pages.action(actions.act)))


def _dead_letters(
    dependencies: HttpDependencies, pages: Pages, tasks: BackgroundTasks
) -> Sequence[HTTPRouteHandler]:
    letters = DeadLetterPages(DeadLetterAccess(dependencies.open_dead_letters), tasks)
    return (
        _get(DEAD_LETTERS, pages.page(letters.index)),
        _get(DEAD_LETTERS + "/{letter_id:str}", pages.page(letters.show)),
        _post(DEAD_LETTERS + "/replay", pages.action(letters.replay)),
    )


def _get(path: str, handler: Handler) -> HTTPRouteHandler:
    return get(path, include_in_schema=False)(handler)


def _post(path: str, handler: Handler) -> HTTPRouteHandler:
    return post(path, include_in_schema=False, status_code=200)(handler)
