"""A gateway adapter for Tillpay, an imaginary payment service; docs/gateways.md explains it."""
