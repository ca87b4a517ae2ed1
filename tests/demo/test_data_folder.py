"""The demo's data folder."""

import os
from pathlib import Path

import pytest

from payments_kit.demo.data_folder import open_data_folder
from payments_kit.servers.processes import LocalServerError, User
from tests.demo.demo_process import Workspace


def fail(warning: str) -> None:
    raise AssertionError(warning)


def test_the_default_is_in_the_current_folder_and_other_demos_use_a_temporary_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    warnings: list[str] = []
    for _ in range(2):
        with open_data_folder(None, fail) as folder:
            assert folder == workspace.folder / ".payments-demo"
            assert User.unprivileged().can_enter(folder)
            with open_data_folder(None, warnings.append) as second:
                assert second is None
    assert (workspace.folder / ".payments-demo").exists()
    assert len(warnings) == 2
    assert "in use by another demo" in warnings[0]


def test_a_temporary_folder_replaces_an_unusable_default(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    Path(".payments-demo").touch()
    warnings: list[str] = []
    with open_data_folder(None, warnings.append) as folder:
        assert folder is None
    assert "cannot be used" in warnings[0]


def test_a_requested_folder_is_created_and_never_replaced(workspace: Workspace) -> None:
    requested = workspace.folder / "some" / "where"
    with open_data_folder(requested, fail) as folder:
        assert folder == requested
        with (
            pytest.raises(LocalServerError, match="in use by another demo"),
            open_data_folder(requested, fail),
        ):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root PostgreSQL runs as another user")
def test_no_folder_is_created_that_postgresql_could_not_enter(workspace: Workspace) -> None:
    workspace.folder.chmod(0o700)
    with (
        pytest.raises(LocalServerError, match="`nobody` cannot enter"),
        open_data_folder(workspace.folder / "data", fail),
    ):
        pass
    assert not (workspace.folder / "data").exists()
