"""What is composed, and what is said about how it is doing."""
