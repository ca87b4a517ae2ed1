"""The handlers: the simulation runs them without the web framework."""

import subprocess
import sys

FRAMEWORK_FREE = (
    "background_tasks",
    "errors",
    "handlers",
    "idempotency",
    "replies",
    "request_bodies",
    "validation",
)


def test_the_handlers_and_what_they_use_import_no_web_framework() -> None:
    imports = ", ".join(f"entrypoints.http.{name}" for name in FRAMEWORK_FREE)
    program = f"import sys, {imports}; print(*sys.modules, sep='\\n')"

    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()

    assert "entrypoints.http.handlers" in imported
    assert {"granian", "litestar", "prometheus_client"}.isdisjoint(imported)
