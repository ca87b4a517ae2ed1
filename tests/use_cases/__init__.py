"""The use cases on the in-memory world, without a process or a socket."""
