"""The messaging adapters, beyond what their contracts promise."""
