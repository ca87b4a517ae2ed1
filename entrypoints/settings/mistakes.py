"""Mistakes that tools make between a setting as it was meant and the variable as we get it."""

import re
from typing import Final

# `docker run --env-file` and systemd's older versions keep quotation marks.
_QUOTED: Final = re.compile(r"""(["'])[^"']*\1""")

# Windows programs begin files with it; in UTF-16 its bytes are FF FE, which are no UTF-8 and so
# become surrogates here.
_BYTE_ORDER_MARKS: Final = ("\ufeff", "\udcff\udcfe", "\udcfe\udcff")

# Of shells and Compose, of Kubernetes, of Helm and Jinja.
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Z_]\w*|\{\{.*\}\}")


def find_mistake(value: str) -> str | None:
    """Return what a value probably has by mistake, without the value; None for most values."""
    text = value.strip()
    if text.startswith(_BYTE_ORDER_MARKS):
        return "begins with a byte-order mark"
    if _QUOTED.fullmatch(text):
        return "has quotation marks around it"
    if _REFERENCE.fullmatch(text):
        return "is a reference to another value that nothing has replaced"
    return None
