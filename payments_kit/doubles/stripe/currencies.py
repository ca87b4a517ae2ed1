"""The currencies and amounts that Stripe accepts; https://docs.stripe.com/currencies."""

from payments_kit.doubles.stripe.errors import invalid


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
THREE_DECIMAL = _codes("bhd jod kwd omr tnd")
# "Special cases": zero-decimal currencies whose amounts have two decimals, which must be 00.
WHOLE_UNITS_ONLY = _codes("isk ugx")
TWO_DECIMAL = _codes(
    """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd
    cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl
    htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr
    mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd sar sbd scr sek sgd
    shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd yer zar zmw"""
)
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_UNITS_ONLY | TWO_DECIMAL

MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
# For all others the minimum is 50 US cents, converted; these are rough values, by decimals.
ROUGH_MINIMUM = {0: 50, 2: 50, 3: 150}
# "The amount value supports up to eight digits"; https://docs.stripe.com/api/charges/create
MAXIMUM = 99_999_999


def digits(currency: str) -> int:
    """Return the number of decimals of a currency."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def major(amount: int, currency: str) -> str:
    """Format an amount in major units, as Stripe's messages do."""
    places = digits(currency)
    text = f"{amount // 10**places:,}"
    if places:
        text += f".{amount % 10**places:0{places}d}"
    return {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "") + text


def check_currency(currency: str) -> str:
    """Return a currency code in lower case; Stripe accepts any case."""
    if (code := currency.lower()) in SUPPORTED:
        return code
    raise invalid(
        f"Invalid currency: {code}. Stripe currently supports these currencies: "
        f"{', '.join(sorted(SUPPORTED))}",
        param="currency",
    )


def check_amount(amount: int, currency: str) -> None:
    """Raise Stripe's error if an amount is not allowed."""
    smallest = MINIMUM.get(currency, ROUGH_MINIMUM[digits(currency)])
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount < smallest:
        message = f"Amount must be at least {major(smallest, currency)} {currency}"
        raise invalid(message, code="amount_too_small", param="amount")
    if amount > MAXIMUM:
        message = f"Amount must be no more than {major(MAXIMUM, currency)} {currency}"
        raise invalid(message, code="amount_too_large", param="amount")
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS_ONLY else 1
    if amount % step:
        message = f"Invalid {currency.upper()} amount: it must be divisible by {step}."
        raise invalid(message, code="parameter_invalid_integer", param="amount")
