"""The adapters: each translates between a port and one external system, and does nothing else."""
