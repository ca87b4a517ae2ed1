"""The environment is read once, and a bad variable is named without showing a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.settings import InvalidSetting, read_settings

COMPLETE = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222,nats://two:4222",
    "JWT_KEY": "jwt-hunter2",
    "STRIPE_KEY": "sk_test_hunter2",
    "STRIPE_WEBHOOK_SECRET": "whsec_hunter2,whsec_hunter3",
    "OPERATOR_KEY": "operator-hunter2",
}


def test_a_complete_environment_has_the_contracts_defaults() -> None:
    settings = read_settings(COMPLETE)
    assert settings.payment_gateway == "stripe-payment-intents"
    assert settings.currency.code == "usd"
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)
    assert settings.stripe_webhook_secrets == ("whsec_hunter2", "whsec_hunter3")


@pytest.mark.parametrize("missing", ["DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(missing: str, value: str | None) -> None:
    environment = {name: text for name, text in COMPLETE.items() if name != missing}
    if value is not None:
        environment[missing] = value
    with pytest.raises(InvalidSetting, match=rf"^{missing}: is required[^\n]*$"):
        read_settings(environment)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://hunter2@db/shop"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://db:hunter2x/shop"),
        ("DATABASE_URL", "hunter2"),
        ("NATS_URL", "nats://one,http://hunter2"),
        ("NATS_URL", "nats://one,"),
        ("STRIPE_KEY", "sk_test_hunter2\nhunter3"),
        ("JWKS_URL", "ftp://hunter2"),
        ("PAYMENT_GATEWAY", "paypal"),
        ("STRIPE_API_BASE", "hunter2"),
        ("STRIPE_WEBHOOK_SECRET", "hunter2"),
        ("CURRENCY", "xyz"),
        ("CURRENCY", "us dollars"),
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "30000000000"),
        ("DECLINES_PER_USER", "0"),
    ],
)
def test_a_malformed_variable_is_named_in_one_line_without_its_value(
    variable: str, value: str
) -> None:
    with pytest.raises(InvalidSetting) as bad:
        read_settings({**COMPLETE, variable: value})
    assert str(bad.value).startswith(f"{variable}: ")
    assert "\n" not in str(bad.value)
    assert "hunter2" not in str(bad.value)


def test_no_secret_shows_in_a_repr() -> None:
    assert "hunter" not in repr(read_settings(COMPLETE))


def test_the_fake_gateway_needs_no_key() -> None:
    environment = {**COMPLETE, "PAYMENT_GATEWAY": "fake", "STRIPE_KEY": ""}
    assert read_settings(environment).stripe_key is None


def test_a_process_without_http_needs_no_token_key() -> None:
    assert read_settings({**COMPLETE, "JWT_KEY": ""}, http=False).jwt_key is None


@given(st.dictionaries(st.sampled_from([*COMPLETE, "PORT", "CURRENCY", "HOST"]), st.text()))
def test_any_environment_is_read_or_refused(environment: dict[str, str]) -> None:
    problem = ""
    try:
        read_settings({**COMPLETE, **environment})
    except InvalidSetting as bad:
        problem = str(bad)
    assert "\n" not in problem
