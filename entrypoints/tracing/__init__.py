"""Spans of OpenTelemetry, recorded around the ports and at the ends of the service."""
