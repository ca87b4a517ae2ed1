"""Install everything into .venv. Every Python can run this file, to say which one is needed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - make may run with an older one
    sys.exit(
        "Python 3.11 or newer is needed, and this is Python %s: run `make PYTHON=python3.12 ...`"  # noqa: UP031
        % sys.version.split()[0]
    )

import installation

installation.main()
