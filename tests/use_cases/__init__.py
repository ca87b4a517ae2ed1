"""The use cases on the in-memory adapters: the shop's whole life without a process or a socket."""
