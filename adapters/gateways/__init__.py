"""gateways adapters."""
