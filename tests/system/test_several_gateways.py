"""Two gateways in one service: chosen, away, and removed, with real processes."""

from pathlib import Path

from domain.payment_status import PaymentStatus
from tests.system.deployment import deploy
from tests.system.system import connect

BOTH, ONE = "stripe-payment-intents,fake", "stripe-payment-intents"
VARIABLES = {
    "GATEWAY_ROUTES": f"eur:fake;*:{BOTH}",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_of_the_shop",
}


async def test_payments_stay_with_the_gateway_that_has_them(logs: Path) -> None:
    with deploy(BOTH, serves=1, workers=1, keep_logs_in=logs, variables=VARIABLES) as deployment:
        async with connect(deployment) as system:
            api = system.api
            orders = [await system.create_order(price=19.99) for _ in range(4)]
            euro = await system.create_order(price=5, currency="eur")
            both = await api.options(orders[0])
            assert both.body["gateways"] == [
                {"gateway": "stripe", "publicKey": "pk_test_of_the_shop"},
                {"gateway": "fake"},
            ]
            refused = await api.pay(euro, gateway=ONE)
            assert (refused.status, refused.error_code) == (400, "gateway_not_offered")
            first = await api.pay(orders[0])
            second = await api.pay(orders[1], gateway="fake")
            third = await api.pay(euro)
            names = [each.body["gateway"] for each in (first, second, third)]
            assert names == ["stripe", "fake", "fake"]

            deployment.serve_stripe.refuse()
            assert (await api.pay(orders[2])).status == 503
            away = (await api.options(orders[2])).body["gateways"]
            assert [each["gateway"] for each in away] == ["fake", "stripe"]
            assert away[1]["degraded"]
            assert (await api.pay(orders[2], gateway="fake")).status == 201
            deployment.serve_stripe.heal()

            waiting = await api.pay(orders[3], "pm_usBankAccount_processing", gateway="fake")
            assert waiting.body["status"] == "pending"
            serve = deployment.start_serve(ONE)
            gone = await api.refund(second.payment_id, serve=serve)
            assert (gone.status, gone.error_code) == (409, "gateway_not_configured")
            command = await system.run_command("void", waiting.payment_id)
            doctor = await system.run_command("doctor")
            assert command.returncode == doctor.returncode == 1
            assert "1 payments wait at fake (test mode), which is not configured" in doctor.stdout

            refunded = await api.refund(second.payment_id)
            assert refunded.status == 201
            await system.wait_for_status(orders[3], PaymentStatus.PENDING)
