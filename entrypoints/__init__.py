"""Everything that starts the use cases: HTTP, the worker, the command line; and composition."""
