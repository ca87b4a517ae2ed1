"""Settings that were probably meant otherwise are named, without their values."""

import secrets
from pathlib import Path

import pytest

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import read_settings
from entrypoints.settings.oddities import find_oddities, is_guessable

GOOD = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222",
    "JWT_KEY": "2f0c9a54e1b7d8360a9be4c7f2135d68",
    "STRIPE_KEY": "sk_test_hunter2",
    "OPERATOR_KEY": "c1d2e3f405162738495a6b7c8d9e0f1a",
}
# What hosts put into every environment.
USUAL = {"PATH": "/bin", "HOSTNAME": "serve-1", "PWD": "/", "NATS_PORT": "tcp://10.0.0.7:4222"}


def oddities(**changes: str) -> list[str]:
    environment = {**GOOD, **USUAL, **changes}
    found = find_oddities(read_settings(environment), environment)
    assert not any("hunter" in each for each in found)
    return found


def test_a_usual_environment_has_no_oddity() -> None:
    assert oddities() == []


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        *(("STRIPEKEY", "STRIPE_KEY"), ("stripe_key", "STRIPE_KEY"), ("JWTKEY", "JWT_KEY")),
        *(("JWT_SECRET", "JWT_KEY"), ("STRIPE_SECRET_KEY", "STRIPE_KEY")),
        *(("OPERATOR_KEYS", "OPERATOR_KEY"), ("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET")),
        *(("JWT_KEYFILE", "JWT_KEY_FILE"), ("JWKS_URI", "JWKS_URL"), ("TRUSTED_PROXY", None)),
        *(("PORTS", None), ("JWT_KEY_FILES", "JWT_KEY_FILE"), ("DATABASE_USER", None)),
    ],
)
def test_a_misspelt_name_is_reported_with_the_name_that_is_meant(
    misspelt: str, meant: str | None
) -> None:
    unset = dict.fromkeys(("STRIPE_KEY", "JWT_KEY", "OPERATOR_KEY"), "")
    environment = {**GOOD, **unset, "PAYMENT_GATEWAY": "fake", misspelt: "hunter2"}
    found = find_oddities(read_settings(environment, http=False), environment)
    assert found == ([f"{misspelt}: is not read; is {meant} meant?"] if meant else [])


@pytest.mark.parametrize(
    ("key", "mistake"),
    [
        ('"{}"', "has quotation marks around it"),
        ("'{}'", "has quotation marks around it"),
        ("\ufeff{}", "begins with a byte-order mark"),
        ("\udcff\udcfe{}", "begins with a byte-order mark"),
        ("${{A_SECRET_{}}}", "is a reference to another value that nothing has replaced"),
        ("$({})", "is a reference to another value that nothing has replaced"),
        ("{{{{ {} }}}}", "is a reference to another value that nothing has replaced"),
    ],
)
def test_a_key_that_a_tool_has_changed_is_reported(key: str, mistake: str) -> None:
    changed = key.format("2F0C9A54E1B7D8360A9BE4C7F2135D68")
    assert oddities(JWT_KEY=changed) == [f"JWT_KEY: {mistake}, and this is used as the secret"]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotation_marks_around_a_value_that_cannot_be_read_are_named(quote: str) -> None:
    quoted = {name: f"{quote}{value}{quote}" for name, value in GOOD.items()} | {"PORT": "'3000'"}
    with pytest.raises(InvalidSetting) as error:
        read_settings(quoted)
    hint = "; it has quotation marks around it"
    assert {each.partition(":")[0] for each in error.value.problems if each.endswith(hint)} == {
        *("DATABASE_URL", "NATS_URL", "PORT")
    }


def test_a_name_like_one_that_is_set_is_not_reported(tmp_path: Path) -> None:
    others = {"STRIPE_API_KEY": "hunter2", "DATABASE_URI": "hunter2"}
    assert oddities(**others) == []
    file = tmp_path / "key"
    file.write_text(GOOD["STRIPE_KEY"])
    assert oddities(**others, STRIPE_KEY="", STRIPE_KEY_FILE=str(file)) == []


def test_a_file_of_a_variable_that_is_no_secret_is_reported() -> None:
    assert oddities(PORT_FILE="/port") == ["PORT_FILE: is not read, because PORT is no secret"]


@pytest.mark.parametrize(
    "secret",
    [
        *("asdf", "secret", "changeme", "hunter2", "x" * 40, "asdfasdfasdfasdf", "changeme" * 4),
        *("your-256-bit-secret", "your_256_bit_secret", "0123456789ab", "  short  " + " " * 20),
    ],
)
def test_a_secret_that_can_be_guessed_is_reported(secret: str) -> None:
    assert is_guessable(secret)


def test_random_secrets_are_not_reported() -> None:
    for _ in range(100):
        assert not is_guessable(secrets.token_hex(16))
        assert not is_guessable(secrets.token_urlsafe(16))


def test_each_of_our_secrets_is_examined() -> None:
    weak = {"JWT_KEY": "asdf", "JWT_KEY_PREVIOUS": "qwertz", "OPERATOR_KEY": "secret"}
    names = [each.partition(": can be guessed")[0] for each in oddities(**weak)]
    assert names == list(weak)
    assert oddities(OPERATORS="alice:hunter2")[0].startswith("OPERATORS: alice: can be guessed")


def test_white_space_around_a_token_key_is_reported() -> None:
    for key in (GOOD["JWT_KEY"] + "\n", " " + GOOD["JWT_KEY"]):
        assert [each[:30] for each in oddities(JWT_KEY=key)] == ["JWT_KEY: has white space aroun"]


def test_a_stripe_key_of_another_form_is_reported() -> None:
    (only,) = oddities(STRIPE_KEY="hunter2")
    assert only.startswith("STRIPE_KEY: does not begin with sk_ or rk_")
