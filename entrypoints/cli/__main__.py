"""Run the command as `python -m entrypoints.cli`."""

from entrypoints.cli import main

main(prog_name="payments")
