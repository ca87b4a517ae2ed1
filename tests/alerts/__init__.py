"""Alerts, dashboard and runbook: drills, and what keeps the files true."""
