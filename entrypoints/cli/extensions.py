"""Commands of other packages, which register them as entry points."""

from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

ENTRY_POINTS: Final = "payments.commands"
"""The entry point group: an entry point has the name of its command, and loads a click.Command."""


class ExtensibleGroup(click.Group):
    """A group that also has the commands of the entry points; each is loaded when it is needed."""

    @cached_property
    def _extensions(self) -> dict[str, EntryPoint]:
        return {each.name: each for each in entry_points(group=ENTRY_POINTS)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._extensions})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if it is unknown."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in self._extensions:
            return own
        return _load(self._extensions[cmd_name])


def _load(entry_point: EntryPoint) -> click.Command:
    try:
        command = entry_point.load()
    except Exception as error:
        problem = str(error).partition("\n")[0] or type(error).__name__
        return _unavailable(entry_point, problem)
    if isinstance(command, click.Command):
        return command
    return _unavailable(entry_point, f"{entry_point.value} is not a command")


def _unavailable(entry_point: EntryPoint, problem: str) -> click.Command:
    """Return a command that reports the problem, so that the other commands still work."""

    def report() -> None:
        click.echo(f"payments: {entry_point.name} is not available: {problem}", err=True)
        raise SystemExit(1)

    return click.Command(
        entry_point.name,
        callback=report,
        help=f"Not available: {problem}",
        # The problem is reported for any arguments.
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
