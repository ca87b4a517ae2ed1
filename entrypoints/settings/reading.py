"""Read the environment into Settings; name everything that is wrong with it at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings.environment import FILE, read_variable
from entrypoints.settings.mistakes import find_mistake
from entrypoints.settings.model import VARIABLES, Settings
from entrypoints.settings.sections import gateways
from entrypoints.settings.variable import REQUIRED, Variable


def read_settings(environment: Mapping[str, str], *, http: bool = True) -> Settings:
    """Read the environment.

    Args:
        environment: such as os.environ. A blank value counts as not set.
        http: whether the process checks users' tokens, which requires JWT_KEY or JWKS_URL.

    Raises:
        InvalidSetting: variables are missing or malformed; it has all the problems.
    """
    values: dict[str, Any] = {}
    errors: list[InvalidSetting] = []
    for attribute, variable in VARIABLES.values():
        try:
            value = _read(environment, variable)
        except InvalidSetting as error:
            errors.append(error)
        else:
            if value is not None:
                values[attribute.name] = value
    invalid = {name.removesuffix(FILE) for error in errors for name in error.variables}
    missing = _missing(values, http=http, gateway_known="PAYMENT_GATEWAY" not in invalid)
    errors += [each for each in missing if each.variables[0] not in invalid]
    if errors:
        raise InvalidSetting.together(errors)
    return Settings(**values)


def read_database_url(environment: Mapping[str, str]) -> str:
    """Return the value of DATABASE_URL; a migration needs no other variable.

    Raises:
        InvalidSetting: it is missing or malformed.
    """
    value = _read(environment, VARIABLES["DATABASE_URL"][1])
    if value is None:
        raise InvalidSetting("DATABASE_URL", "is required")
    return str(value)


def _read(environment: Mapping[str, str], variable: Variable) -> object:
    value = read_variable(environment, variable.name, is_secret=variable.is_secret)
    if value is None:
        return None
    try:
        parsed = variable.parse(value if variable.keeps_spaces else value.strip())
    except ValueError as error:
        mistake = find_mistake(value)
        hint = f"; it {mistake}" if mistake else ""
        raise InvalidSetting(variable.name, f"{error}{hint}") from None
    if isinstance(parsed, tuple) and variable.parse is gateways.parse_gateways:
        return tuple(_gateway(each, environment) for each in parsed)
    return parsed


def _gateway(name: str, environment: Mapping[str, str]) -> str | GatewayPlugin:
    return GatewayPlugin.load(name, environment) if GatewayPlugin.is_reference(name) else name


def _missing(
    values: Mapping[str, Any], *, http: bool, gateway_known: bool
) -> Iterator[InvalidSetting]:
    """Yield what this combination of settings lacks, or what contradicts itself."""
    for attribute, variable in VARIABLES.values():
        if variable.default == REQUIRED and attribute.name not in values:
            yield InvalidSetting(variable.name, "is required")
    if http and not values.keys() & {"jwt_key", "jwks_url"}:
        yield InvalidSetting("JWT_KEY", "is required unless JWKS_URL is set")
    if gateway_known:
        names = tuple(map(str, values.get("payment_gateways", (gateways.DEFAULT,))))
        yield from _missing_of_gateways(names, values)
    owners = {
        each.name
        for each in values.get("named_operators", ())
        if each.key == values.get("operator_key")
    }
    if owners - {"operator"}:
        yield InvalidSetting("OPERATORS", "an operator has the key of OPERATOR_KEY")


def _missing_of_gateways(
    names: tuple[str, ...], values: Mapping[str, Any]
) -> Iterator[InvalidSetting]:
    """Yield what these gateways need and do not have, and routes to others."""
    for name in names:
        if name in ("stripe-payment-intents", "stripe-charges") and "stripe_key" not in values:
            yield InvalidSetting("STRIPE_KEY", f"is required with PAYMENT_GATEWAY={name}")
        for attribute in ("paypal_client_id", "paypal_client_secret"):
            if name == "paypal" and attribute not in values:
                yield InvalidSetting(attribute.upper(), "is required with PAYMENT_GATEWAY=paypal")
    for problem in gateways.unknown_gateways(values.get("gateway_routes", ()), names):
        yield InvalidSetting("GATEWAY_ROUTES", problem)
