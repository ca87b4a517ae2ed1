"""curl, as far as docs/doubles.md uses it: it is not installed everywhere."""

import argparse
import json
import shlex
import string
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping

_OPTIONS = argparse.ArgumentParser(prog="curl")
_OPTIONS.add_argument("-sS", action="store_true", required=True)
_OPTIONS.add_argument("-u", dest="user")
_OPTIONS.add_argument("-X", dest="method")
_OPTIONS.add_argument("-H", dest="headers", action="append", default=[])
_OPTIONS.add_argument("-d", dest="data", action="append", default=[])
_OPTIONS.add_argument("url")

SECONDS = 60.0


def curl(command: str, variables: Mapping[str, str]) -> str:
    """Run a command; return its reply with a space after each comma and colon, or curl's error."""
    words = shlex.split(string.Template(command).substitute(variables))
    given = _OPTIONS.parse_args(words[1:])
    headers = dict(each.split(": ", 1) for each in given.headers)
    if given.user:
        headers["Authorization"] = f"Basic {b64encode(given.user.encode()).decode()}"
    data = "&".join(given.data).encode() if given.data else None
    method = given.method or ("POST" if data is not None else "GET")
    request = urllib.request.Request(given.url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.dumps(json.load(reply))
    except urllib.error.HTTPError as error:
        with error:
            return json.dumps(json.load(error))
    except (ConnectionResetError, urllib.error.URLError):
        return "curl: (56) Recv failure: Connection reset by peer"
