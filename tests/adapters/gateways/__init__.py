"""What is special about each gateway."""
