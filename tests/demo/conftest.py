"""Workspaces for demos, which must be left clean."""

import shutil
from collections.abc import Iterator

import pytest

from tests.demo.demo_process import Runner, Workspace, current_user, ordinary_user


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    yield from _workspace(current_user())


@pytest.fixture
def other_workspace() -> Iterator[Workspace]:
    yield from _workspace(ordinary_user())


def _workspace(runner: Runner) -> Iterator[Workspace]:
    workspace = Workspace.create(runner)
    yield workspace
    is_clean = workspace.becomes_clean()
    shutil.rmtree(workspace.folder)
    assert is_clean, "a process or a temporary file was left behind"
