"""How the durations of the service depend on each other."""
