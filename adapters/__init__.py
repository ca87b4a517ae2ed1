"""One adapter for each outside thing; it translates and does nothing else."""
