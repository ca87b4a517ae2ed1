"""The environment is read once; every invalid variable is named without its value."""

import ast
import os
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

import entrypoints
from adapters.gateways.paypal.signatures import MAX_AGE
from adapters.gateways.stripe.signatures import TOLERANCE_SECONDS
from adapters.persistence.sql.retention import SqlRetention
from application.ports.alerts import MAX_CURRENT_FOR
from application.ports.gateway_plugin import InvalidSetting
from application.ports.gateways import Gateways
from domain.capture import CaptureMode
from entrypoints.composition.database import database_of
from entrypoints.composition.gateways import check_capture
from entrypoints.composition.runtime import decline_limits
from entrypoints.composition.worker import rows_kept
from entrypoints.settings import VARIABLES, Settings, read_database_url, read_settings
from tests.world import AtOnceGateway, World

COMPLETE = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222,nats://two:4222",
    "JWT_KEY": "jwt-hunter2",
    "STRIPE_KEY": "sk_test_hunter2",
    "STRIPE_WEBHOOK_SECRET": "whsec_hunter2,whsec_hunter3",
    "PAYPAL_CLIENT_SECRET": "paypal-hunter2",
    "OPERATOR_KEY": "operator-hunter2",
    "OPERATORS": "alice:hunter2, bob:hunter3,alice:hunter4:",
}


def test_the_defaults_are_those_of_the_contract_and_no_secret_is_shown() -> None:
    settings = read_settings(COMPLETE)
    assert settings.payment_gateways == ("stripe-payment-intents",)
    assert settings.currency.code == "usd"
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)
    assert settings.stripe_webhook_secrets == ("whsec_hunter2", "whsec_hunter3")
    assert "hunter" not in repr(settings)


def test_every_secret_is_kept_out_of_the_repr() -> None:
    shown = {attribute.name for attribute in fields(Settings) if attribute.repr}
    secrets = {attribute.name for attribute, variable in VARIABLES.values() if variable.is_secret}
    assert shown & secrets == {"named_operators"}  # whose keys have no repr


def test_every_setting_is_used_by_the_program() -> None:
    files = Path(entrypoints.__path__[0]).rglob("*.py")
    trees = (ast.parse(file.read_text()) for file in files)
    used = {
        node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    assert not {attribute.name for attribute, _ in VARIABLES.values()} - used


def rows_kept_for(days: int) -> SqlRetention:
    names = ("EVENTS", "NOTIFICATIONS", "DECLINES", "ALERTS", "DIFFERENCES")
    variables = {f"RETENTION_{name}_DAYS": str(days) for name in names}
    variables["RETENTION_NOTIFICATIONS_DAYS"] = str(max(days, 3))  # the least that is accepted
    settings = read_settings({**COMPLETE, **variables})
    return rows_kept(settings, database_of(settings, None))


def test_rows_are_kept_as_long_as_the_settings_say_and_as_they_are_needed() -> None:
    long, short = rows_kept_for(3650), rows_kept_for(1)
    ages = (long.sent, long.received, long.declined, long.alerted, long.differed)
    assert set(ages) == {timedelta(days=3650)}
    # A notification that is accepted again must be known.
    assert short.received > max(MAX_AGE, timedelta(seconds=TOLERANCE_SECONDS))
    assert short.alerted >= MAX_CURRENT_FOR
    assert short.declined >= timedelta(seconds=86_400)  # the longest DECLINE_WINDOW_SECONDS
    assert (short.sent, short.differed) == (timedelta(days=1), timedelta(days=1))


def test_operators_have_names_and_a_name_may_have_several_keys() -> None:
    found = [(each.name, each.key) for each in read_settings(COMPLETE).operators]
    alice = [("alice", "hunter2"), ("bob", "hunter3"), ("alice", "hunter4:")]
    assert found == [("operator", "operator-hunter2"), *alice]
    assert read_settings({**COMPLETE, "OPERATOR_KEY": "", "OPERATORS": ""}).operators == ()


@pytest.mark.parametrize("missing", ["DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(missing: str, value: str | None) -> None:
    environment = {name: text for name, text in COMPLETE.items() if name != missing}
    if value is not None:
        environment[missing] = value
    with pytest.raises(InvalidSetting, match=rf"^{missing}: is required[^\n]*$"):
        read_settings(environment)


def test_all_problems_are_reported_at_once() -> None:
    environment = {"STRIPE_KEY": "pk_test_hunter2", "PORT": "http", "JWT_KEY_FILE": "/absent"}
    with pytest.raises(InvalidSetting) as caught:
        read_settings(environment)
    named = ("JWT_KEY_FILE", "STRIPE_KEY", "PORT", "DATABASE_URL", "NATS_URL")
    assert caught.value.variables == named
    assert tuple(line.partition(":")[0] for line in caught.value.problems) == named


INVALID_VALUES = {
    "DATABASE_URL": ("mysql://hunter2@db/shop", "hunter2", "host=hunter2"),
    "DATABASE_PREPARED": ("hunter2",),
    "NATS_URL": ("nats://one,ftp://hunter2", "nats://one,"),
    "NATS_CREDS_FILE": ("/absent/hunter2", "/tmp", "hunter2\0"),
    "NATS_SUBJECT_PREFIX": (
        *("hunter2.", ".hunter2", "hunter2.*", "hunter2.>", "hunter2 3", "$hunter2", "hunter2/3"),
        *("_hunter2", "hunter2" * 10),
    ),
    "CAPTURE_SUBJECT": (
        *("hunter2.*", "hunter2.>", "hunter2 3", ".hunter2", "hunter2.", "a..hunter2", "$hunter2"),
        *("hunter2ä", "_INBOX.hunter2", "hunter2" * 30, "order:created"),
        *("order:cancelled", "payment:created", "payments.dead-letters.hunter2"),
    ),
    "JWT_KEY": ("-----BEGIN PUBLIC KEY-----\nhunter2", "ssh-rsa hunter2"),
    "JWT_USER_CLAIM": ("hunter2\x1b[0m",),
    "STRIPE_KEY": (
        *("sk_test_hunter2\nhunter3", "pk_test_hunter2", "pk_live_hunter2", "whsec_hunter2"),
    ),
    "JWKS_URL": ("ftp://hunter2",),
    "PAYMENT_GATEWAY": (
        *("hunter2", "fake,hunter2", "fake,", ",fake", "fake,,stripe-charges", ",", "fake,fake"),
        *("stripe-payment-intents, stripe-charges", "fake;stripe-charges", "fake, a b:hunter2"),
    ),
    "GATEWAY_ROUTES": (
        *("hunter2", "eur", "eur:", ":stripe-charges", "eur=hunter2", ";", "*", "*:"),
        *("hunter2:stripe-payment-intents", "eur:stripe-payment-intents;", "eur:,"),
        "eur:stripe-payment-intents;*:stripe-payment-intents;EUR:stripe-payment-intents",
        "eur:stripe-payment-intents, stripe-payment-intents",
        *("eur:stripe-payment-intents,", "eur:<hunter2>", "eur:fake", "*:stripe-charges"),
    ),
    "STRIPE_PUBLISHABLE_KEY": ("sk_test_hunter2", "rk_test_hunter2", "hunter2", "pk_hunter2 3"),
    "STRIPE_API_BASE": ("hunter2",),
    "PAYPAL_CLIENT_ID": ("hunter2 3", "hunter2\nhunter3"),
    "PAYPAL_CLIENT_SECRET": ("hunter2 3", "hunter2\nhunter3"),
    "PAYPAL_WEBHOOK_ID": ("https://hunter2.example/webhooks", "hunter2 3", "h" * 51),
    "PAYPAL_API_BASE": ("hunter2", "ftp://hunter2"),
    "STRIPE_WEBHOOK_SECRET": (
        "hunter2",
        "whsec_",
        "whsec_hunter2,sk_hunter2",
        "whsec_hunter2 x",
        ",",
    ),
    "CURRENCY": ("xyz", "us dollars"),
    "CAPTURE": ("hunter2", "Manual", "manual,automatic"),
    "RETURN_ORIGINS": (
        *("hunter2.example", "https://hunter2.example/", "https://hunter2.example/done", ","),
        *("https://*.hunter2.example", "*", "null", "https://a:hunter2@shop.example"),
        *("http://hunter2.example", "ftp://hunter2.example", "https://Hunter2.example"),
        *("https://hunter2.example:443", "http://localhost:80", "https://hunter2.example:0443"),
        *("https://hunter2.example.", "https://hunter2.example:65536", "https://hunter2.example?"),
        *("https://hünter2.example", "https://shop.example,hunter2", "https://hunter2_.example"),
        *("//hunter2.example", "javascript:hunter2", "https://hunter2.example\\", "https://"),
    ),
    "DRAIN_SECONDS": ("-1", "61", "5.0", "5s"),
    "PORT": ("http", "-1", "65536", "30000000000", "000000000099999", "9" * 5000),
    "DECLINES_PER_USER": ("-1",),
    "OPERATOR_KEY": ("hunter2 hunter3", "hunter2ä"),
    "OPERATORS": (
        *("hunter2", ":hunter2", "alice:", "al ice:hunter2", "alice:hunter2,bob:hunter2", ","),
        *("alice:operator-hunter2", "x" * 65 + ":hunter2", "alice:hunter2ä"),
    ),
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


def test_money_is_captured_at_once_and_nothing_redirects_unless_it_is_set() -> None:
    settings = read_settings(COMPLETE)
    assert (settings.capture, settings.return_origins) == (CaptureMode.AUTOMATIC, ())
    origins = "https://shop.example, http://localhost:3000,https://pay.shop.example:8443"
    changed = read_settings({**COMPLETE, "CAPTURE": "manual", "RETURN_ORIGINS": origins})
    assert changed.capture is CaptureMode.MANUAL
    assert changed.return_origins == tuple(each.strip() for each in origins.split(","))


@pytest.mark.parametrize("mode", CaptureMode)
def test_only_a_gateway_that_can_capture_later_may_be_asked_to(mode: CaptureMode) -> None:
    settings = read_settings({**COMPLETE, "CAPTURE": mode.value})
    world = World()
    check_capture(settings, Gateways.only(world.gateway))
    world.gateway_type = AtOnceGateway
    if mode is CaptureMode.MANUAL:
        with pytest.raises(InvalidSetting, match=r"^CAPTURE: manual, but in_memory "):
            check_capture(settings, Gateways.only(world.gateway))
    else:
        check_capture(settings, Gateways.only(world.gateway))


def test_a_restricted_key_of_stripe_is_accepted() -> None:
    assert read_settings({**COMPLETE, "STRIPE_KEY": "rk_test_hunter2"}).stripe_key


@pytest.mark.parametrize("subject", ["order:shipped", "warehouse.parcel-sent", "eu/x.y_z:1"])
def test_any_subject_without_wildcards_may_capture(subject: str) -> None:
    assert read_settings({**COMPLETE, "CAPTURE_SUBJECT": subject}).capture_subject == subject


def test_a_declines_limit_of_0_switches_it_off() -> None:
    settings = read_settings({**COMPLETE, "DECLINES_PER_USER": "0", "DECLINES_PER_ADDRESS": "7"})
    assert decline_limits(settings).max_declines == {"address": 7}


@pytest.mark.parametrize("key", ["asdf\n", " asdf ", "\tas df", "ä\udcff", "\r\n asdf"])
def test_a_token_key_is_used_byte_for_byte(key: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(os.fsencode(key) + b"\n")
    files = {**COMPLETE, "JWT_KEY": "", "JWT_KEY_FILE": str(tmp_path / "key")}
    assert read_settings({**COMPLETE, "JWT_KEY": key}).jwt_key == key
    assert read_settings(files).jwt_key == key


@pytest.mark.parametrize(
    "name", [name for name, (_, variable) in VARIABLES.items() if variable.is_secret]
)
@pytest.mark.parametrize("newline", ["", "\n", "\r\n"])
def test_every_secret_may_come_as_a_file(name: str, newline: str, tmp_path: Path) -> None:
    direct = {**COMPLETE, "JWT_KEY_PREVIOUS": "jwt-hunter3"}
    (tmp_path / "secret").write_bytes((direct[name] + newline).encode())
    environment = {**direct, f"{name}_FILE": str(tmp_path / "secret")}
    del environment[name]
    assert read_settings(environment) == read_settings(direct)


def test_a_file_that_cannot_be_used_is_named_by_its_variable(tmp_path: Path) -> None:
    contents = {"empty": b"", "blank": b" \n", "newline": b"\n", "large": b"x" * 65537}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    for name in (*contents, "pipe", "absent", ".", "nul\0"):
        environment = {**COMPLETE, "OPERATOR_KEY": "", "OPERATOR_KEY_FILE": str(tmp_path / name)}
        with pytest.raises(InvalidSetting, match=r"^OPERATOR_KEY_FILE: [^\n]*$"):
            read_settings(environment)


def test_both_forms_of_a_secret_at_once_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(COMPLETE["DATABASE_URL"])
    environment = {**COMPLETE, "DATABASE_URL_FILE": str(tmp_path / "url")}
    with pytest.raises(InvalidSetting, match=r"^DATABASE_URL_FILE: DATABASE_URL is set, too"):
        read_settings(environment)
    with pytest.raises(InvalidSetting, match=r"^DATABASE_URL_FILE: "):
        read_database_url(environment)
    assert read_database_url({**environment, "DATABASE_URL": ""}) == COMPLETE["DATABASE_URL"]


@given(st.dictionaries(st.sampled_from([*VARIABLES, "JWT_KEY_FILE"]), st.text(), max_size=4))
def test_any_environment_is_read_or_rejected_in_one_line_each(environment: dict[str, str]) -> None:
    problems: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    try:
        read_settings({**COMPLETE, **environment})
    except InvalidSetting as error:
        problems, variables = error.problems, error.variables
    assert tuple(line.partition(":")[0] for line in problems) == variables
