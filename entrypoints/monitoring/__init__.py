"""What operators see: metrics and alerts about the backlog."""
