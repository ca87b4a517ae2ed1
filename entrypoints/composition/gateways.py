"""Compose the gateways that the settings name, and which of them a currency may use."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, assert_never

from attrs import frozen

from adapters.identifiers import new_id
from adapters.persistence.sql.database import Database
from application.ports.clock import Clock
from application.ports.gateway_notifications import NotificationReader
from application.ports.gateway_plugin import InvalidSetting
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import GatewayAdapter
from entrypoints.gateway_plugin import VARIABLE, GatewayPlugin
from entrypoints.monitoring.gateway_metrics import GatewayMetrics
from entrypoints.settings import Settings
from entrypoints.settings.sections.gateways import GatewayName
from entrypoints.trace_context import recorded_ids

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing


@frozen
class OpenGateways:
    """The gateways of a process, and their adapters in the same order."""

    gateways: Gateways
    adapters: tuple[GatewayAdapter, ...]
    metrics: GatewayMetrics


@contextlib.asynccontextmanager
async def open_gateways(
    settings: Settings, database: Database, clock: Clock, tracing: "Tracing | None" = None
) -> AsyncIterator[OpenGateways]:
    """Make the adapters, and close them at the end; no connection is opened.

    Raises:
        InvalidSetting: a plug-in rejects the environment, two gateways have the same name, or none
            can do what the settings need.
    """
    async with contextlib.AsyncExitStack() as stack:
        adapters, metrics = list[GatewayAdapter](), GatewayMetrics()
        if tracing is not None:
            metrics = GatewayMetrics(exemplar=recorded_ids)
        for each in settings.payment_gateways:
            adapter = gateway_of(each, settings, database, clock)
            stack.push_async_callback(adapter.close)
            adapters.append(adapter)
        measured = [metrics.measured(each) for each in _traced(settings, adapters, tracing)]
        gateways = gateways_of(settings, measured)
        check_capture(settings, gateways)
        yield OpenGateways(gateways, tuple(adapters), metrics)


def _traced(
    settings: Settings, adapters: list[GatewayAdapter], tracing: "Tracing | None"
) -> list[GatewayAdapter]:
    if tracing is None:
        return adapters
    names = settings.payment_gateways
    addresses = [_address_of(name, settings) for name in names]
    return [tracing.gateway(*each) for each in zip(adapters, addresses, strict=True)]


def _address_of(name: GatewayName | GatewayPlugin, settings: Settings) -> str | None:
    """Return the address of a gateway's API, if it is one of ours that has one."""
    match name:
        case "stripe-charges" | "stripe-payment-intents":
            from adapters.gateways.stripe.wire import API_ADDRESS

            return settings.stripe_api_base or API_ADDRESS
        case "paypal":
            from adapters.gateways.paypal.wire import LIVE_ADDRESS

            return settings.paypal_api_base or LIVE_ADDRESS
        case _:
            return None


def gateways_of(settings: Settings, adapters: list[GatewayAdapter]) -> Gateways:
    """Return the adapters under their names in the settings, with the routes.

    Raises:
        InvalidSetting: two have the same name.
    """
    names = map(str, settings.payment_gateways)
    settled: dict[str, ConfiguredGateway] = {}
    for setting, adapter in zip(names, adapters, strict=True):
        twin = next((each for each in settled.values() if each.name == adapter.name), None)
        if twin is not None:
            problem = f"has the gateway {adapter.name} twice: {twin.setting} and {setting}"
            raise InvalidSetting(VARIABLE, problem)
        settled[setting] = ConfiguredGateway(adapter, setting)
    routes = {
        route.currency: tuple(settled[name] for name in route.gateways)
        for route in settings.gateway_routes
    }
    return Gateways(tuple(settled.values()), routes)


def check_capture(settings: Settings, gateways: Gateways) -> None:
    """Return if one of the gateways can capture as the settings say.

    Raises:
        InvalidSetting: all can capture at once only.
    """
    if not any(each.can_take(settings.capture) for each in gateways):
        names = ", ".join(each.name for each in gateways)
        raise InvalidSetting("CAPTURE", f"manual, but {names} can capture at once only")


def gateway_of(
    name: GatewayName | GatewayPlugin, settings: Settings, database: Database, clock: Clock
) -> GatewayAdapter:
    """Return the adapter of one gateway of the settings.

    Raises:
        InvalidSetting: a plug-in rejects the environment.
    """
    # Only a configured adapter is imported: the Stripe SDK alone takes 25 MiB and 0.2 s.
    match name:
        case GatewayPlugin():
            return name.open()
        case "fake":
            from adapters.gateways.fake import FakeGateway

            # It needs transactions of several statements; the service's own are single statements.
            transactional = database.engine.execution_options(isolation_level="READ COMMITTED")
            return FakeGateway(transactional, clock, new_id)
        case "stripe-charges" | "stripe-payment-intents":
            return _stripe(name, settings)
        case "paypal":
            return _paypal(settings, clock)
        case _:
            assert_never(name)


def _stripe(name: GatewayName, settings: Settings) -> GatewayAdapter:
    from adapters.gateways.stripe.client import StripeApi

    key = settings.stripe_key or ""  # read_settings requires it
    api = StripeApi(key, settings.stripe_api_base) if settings.stripe_api_base else StripeApi(key)
    if name == "stripe-charges":
        from adapters.gateways.stripe.charges import StripeCharges

        return StripeCharges(api)
    from adapters.gateways.stripe.payment_intents import StripePaymentIntents

    return StripePaymentIntents(api)


def _paypal(settings: Settings, clock: Clock) -> GatewayAdapter:
    from adapters.gateways.paypal.client import PayPalApi
    from adapters.gateways.paypal.gateway import PayPalGateway
    from adapters.gateways.paypal.wire import LIVE_ADDRESS

    # read_settings requires both
    client_id, secret = settings.paypal_client_id or "", settings.paypal_client_secret or ""
    api = PayPalApi(client_id, secret, settings.paypal_api_base or LIVE_ADDRESS)
    return PayPalGateway(api, _paypal_reader(settings, clock))


def _paypal_reader(settings: Settings, clock: Clock) -> NotificationReader | None:
    if settings.paypal_webhook_id is None:
        return None
    from adapters.gateways.paypal.certificates import Certificates
    from adapters.gateways.paypal.labels import LabelKey
    from adapters.gateways.paypal.notifications import PayPalNotificationReader
    from adapters.gateways.paypal.wire import LIVE_ADDRESS, is_live

    address = settings.paypal_api_base or LIVE_ADDRESS
    secret = settings.paypal_client_secret
    return PayPalNotificationReader(
        settings.paypal_webhook_id,
        Certificates(address),
        clock,
        livemode=is_live(address),
        key=None if secret is None else LabelKey.of(secret),
    )


def readers_of(
    settings: Settings, gateways: Gateways, clock: Clock
) -> Mapping[str, NotificationReader]:
    """Return what reads the notifications of each gateway that has them, by its name.

    Those of Stripe and PayPal are there without a gateway of theirs, too: its earlier payments may
    still change. Without a secret Stripe's verifies none, but it can read those that were kept.
    """
    found = {each.name: each.reader for each in gateways if each.reader is not None}
    if "paypal" not in found and (paypal := _paypal_reader(settings, clock)) is not None:
        found["paypal"] = paypal
    uses_stripe = any(str(each).startswith("stripe-") for each in settings.payment_gateways)
    if uses_stripe or settings.stripe_webhook_secrets:
        from adapters.gateways.stripe.notifications import StripeNotificationReader

        reader = StripeNotificationReader(settings.stripe_webhook_secrets, clock)
        found.setdefault("stripe", reader)
    return found


def verifying_readers_of(
    settings: Settings, gateways: Gateways, clock: Clock
) -> Mapping[str, NotificationReader]:
    """Return those that can verify what arrives: Stripe's needs a secret."""
    found = dict(readers_of(settings, gateways, clock))
    own = {each.name for each in gateways if each.reader is not None}
    if not settings.stripe_webhook_secrets and "stripe" not in own:
        found.pop("stripe", None)
    return found


def public_keys_of(settings: Settings, gateways: Gateways) -> Mapping[str, str]:
    """Return the key for browsers of each gateway that has one, by its name."""
    stripe = {"stripe": settings.stripe_publishable_key}
    keys = {each.name: each.public_key or stripe.get(each.name) for each in gateways}
    return {name: key for name, key in keys.items() if key}
