"""The ways into the service: HTTP, events, the command line; and the composition of it all."""
