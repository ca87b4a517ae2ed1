"""Doubles of payment gateways: local HTTP servers that imitate their APIs, with faults on demand."""
