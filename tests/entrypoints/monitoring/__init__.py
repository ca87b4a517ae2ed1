"""Metrics, alerts, and the checks of the doctor."""
