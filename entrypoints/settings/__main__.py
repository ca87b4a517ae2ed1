"""Print the table of README.md: `python -m entrypoints.settings`."""

from entrypoints.settings.reference import markdown_table

print(markdown_table())  # noqa: T201
