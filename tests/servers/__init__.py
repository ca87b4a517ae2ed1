"""The servers on this machine: they serve, last and leave nothing behind."""
