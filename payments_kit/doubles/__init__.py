"""Doubles of payment gateways: local HTTP servers that imitate their APIs and their faults."""
