"""The environment is read once; an invalid variable is named without its value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import read_settings

COMPLETE = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222,nats://two:4222",
    "JWT_KEY": "jwt-hunter2",
    "STRIPE_KEY": "sk_test_hunter2",
    "STRIPE_WEBHOOK_SECRET": "whsec_hunter2,whsec_hunter3",
    "OPERATOR_KEY": "operator-hunter2",
}


def test_the_defaults_are_those_of_the_contract_and_no_secret_is_shown() -> None:
    settings = read_settings(COMPLETE)
    assert settings.payment_gateway == "stripe-payment-intents"
    assert settings.currency.code == "usd"
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)
    assert settings.stripe_webhook_secrets == ("whsec_hunter2", "whsec_hunter3")
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize("missing", ["DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(missing: str, value: str | None) -> None:
    environment = {name: text for name, text in COMPLETE.items() if name != missing}
    if value is not None:
        environment[missing] = value
    with pytest.raises(InvalidSetting, match=rf"^{missing}: is required[^\n]*$"):
        read_settings(environment)


INVALID_VALUES = {
    "DATABASE_URL": (
        *("mysql://hunter2@db/shop", "postgresql://", "postgresql://db:hunter2x/shop", "hunter2"),
    ),
    "NATS_URL": ("nats://one,http://hunter2", "nats://one,"),
    "STRIPE_KEY": ("sk_test_hunter2\nhunter3",),
    "JWKS_URL": ("ftp://hunter2",),
    "PAYMENT_GATEWAY": ("paypal",),
    "STRIPE_API_BASE": ("hunter2",),
    "STRIPE_WEBHOOK_SECRET": ("hunter2",),
    "CURRENCY": ("xyz", "us dollars"),
    "PORT": ("http", "-1", "65536", "30000000000", "000000000099999", "9" * 5000),
    "DECLINES_PER_USER": ("0",),
}


@pytest.mark.parametrize(
    ("variable", "value"),
    [(variable, value) for variable, values in INVALID_VALUES.items() for value in values],
    ids=lambda text: text[:40],
)
def test_an_invalid_variable_is_named_in_one_line_without_its_value(
    variable: str, value: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_settings({**COMPLETE, variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_fake_gateway_needs_no_stripe_key_and_a_worker_no_token_key() -> None:
    fake = {**COMPLETE, "PAYMENT_GATEWAY": "fake", "STRIPE_KEY": ""}
    assert read_settings(fake).stripe_key is None
    assert read_settings({**COMPLETE, "JWT_KEY": ""}, http=False).jwt_key is None


@given(st.dictionaries(st.sampled_from([*COMPLETE, "PORT", "CURRENCY", "HOST"]), st.text()))
def test_any_environment_is_read_or_rejected_in_one_line(environment: dict[str, str]) -> None:
    problem = ""
    try:
        read_settings({**COMPLETE, **environment})
    except InvalidSetting as error:
        problem = str(error)
    assert "\n" not in problem
