"""What the service does: one frozen callable a file."""
