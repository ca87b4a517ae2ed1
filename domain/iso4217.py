"""The minor units of every ISO 4217 currency that has them, from the standard's list one.

Source: ISO 4217 list one (maintained by SIX), column "Minor unit". Entries without one
(gold, SDR, test codes) are left out: no price can be written in them. ANG, BGN and HRK were
withdrawn recently and are kept, because orders may still use them.
"""

from typing import Final

_NO_DECIMALS = "bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf "
_TWO_DECIMALS = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob bov brl bsd "
    "btn bwp byn bzd cad cdf che chf chw cny cop cou crc cup cve czk dkk dop dzd egp "
    "ern etb eur fjd fkp gbp gel ghs gip gmd gtq gyd hkd hnl hrk htg huf idr ils inr "
    "irr jmd kes kgs khr kpw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop "
    "mru mur mvr mwk mxn mxv myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln "
    "qar ron rsd rub sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb "
    "tjs tmt top try ttd twd tzs uah usd usn uyu uzs ved ves wst xcd xcg yer zar zmw "
    "zwg "
)
_THREE_DECIMALS = "bhd iqd jod kwd lyd omr tnd"
_FOUR_DECIMALS = "clf uyw"

MINOR_UNITS: Final[dict[str, int]] = {
    code: digits
    for digits, codes in (
        (0, _NO_DECIMALS),
        (2, _TWO_DECIMALS),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for code in codes.split()
}
"""Lower-case alphabetic code -> how many decimals its major unit has."""
