"""A test that never ends; test_interrupted_run.py runs it in a pytest of its own."""

import os
import subprocess
import time
from pathlib import Path

from payments_kit.servers.nats import LocalNats


def test_that_never_ends(nats_server: LocalNats) -> None:
    subprocess.Popen(["sleep", "600"])
    Path(os.environ["FOLDER_FILE"]).write_text(str(nats_server.folder))
    time.sleep(600)
