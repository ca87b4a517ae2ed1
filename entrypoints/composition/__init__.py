"""Settings in, everything composed out: the only place that names an adapter."""
