"""Read one variable: from the environment, or a secret from the file that NAME_FILE names."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from application.ports.gateway_plugin import InvalidSetting

FILE: Final = "_FILE"
"""What is appended to the name of a secret's variable for the file that contains the secret."""

# The longest secret is a URL or a list of keys; a mounted file of this size is another file.
MAX_FILE_BYTES: Final = 64 * 1024


def read_variable(environment: Mapping[str, str], name: str, *, is_secret: bool) -> str | None:
    """Return the value of a variable as it is written; None if it is not set, or blank.

    Bytes that are not UTF-8 become surrogates, as in os.environ, so that no byte is lost.

    Raises:
        InvalidSetting: the file cannot be used, or both forms are set.
    """
    value = environment.get(name, "")
    file = environment.get(name + FILE, "") if is_secret else ""
    if file.strip():
        if value.strip():
            raise InvalidSetting(name + FILE, f"{name} is set, too: only one of them may be")
        value = _read_file(name + FILE, file)
    return value if value.strip() else None


def _read_file(variable: str, path: str) -> str:
    try:
        file = Path(path)
        # Opening a named pipe could wait for ever.
        if not stat.S_ISREG(file.stat().st_mode):
            raise InvalidSetting(variable, "is not a regular file")
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InvalidSetting(variable, f"the file cannot be read: {reason}") from None
    except ValueError:  # a NUL in the path
        raise InvalidSetting(variable, "is not the path of a file") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidSetting(variable, f"the file has more than {MAX_FILE_BYTES} bytes")
    # Editors and `echo` end a file with a newline that is not part of the secret.
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content.strip():
        raise InvalidSetting(variable, "the file is empty")
    return content.decode(errors="surrogateescape")
