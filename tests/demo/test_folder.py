"""Where the demo keeps its data."""

import os
from pathlib import Path

import pytest

from payments_kit.demo.folder import data_folder
from payments_kit.servers.processes import LocalServerError, User
from tests.demo.running import Place


def complain(note: str) -> None:
    raise AssertionError(note)


def test_it_is_in_the_current_folder_and_stays_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    for _ in range(2):
        with data_folder(None, complain) as folder:
            assert folder == place.folder / ".payments-demo"
            assert User.unprivileged().can_enter(folder)
    assert (place.folder / ".payments-demo").exists()


def test_it_is_a_temporary_one_while_another_demo_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    notes: list[str] = []
    with data_folder(None, complain), data_folder(None, notes.append) as second:
        assert second is None
    assert len(notes) == 1
    assert "in use by another demo" in notes[0]


def test_it_is_a_temporary_one_where_the_current_folder_will_not_do(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    Path(".payments-demo").touch()
    notes: list[str] = []
    with data_folder(None, notes.append) as folder:
        assert folder is None
    assert "cannot be used" in notes[0]


def test_one_that_was_asked_for_is_made_and_never_silently_another(place: Place) -> None:
    wanted = place.folder / "some" / "where"
    with data_folder(wanted, complain) as folder:
        assert folder == wanted
        with (
            pytest.raises(LocalServerError, match="in use by another demo"),
            data_folder(wanted, complain),
        ):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root does PostgreSQL run as another user")
def test_nothing_is_made_where_postgresql_could_not_enter(place: Place) -> None:
    place.folder.chmod(0o700)
    with (
        pytest.raises(LocalServerError, match="nobody, cannot enter"),
        data_folder(place.folder / "data", complain),
    ):
        pass
    assert not (place.folder / "data").exists()
