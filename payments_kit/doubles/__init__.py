"""Stand-ins for payment gateways that speak their HTTP API."""
