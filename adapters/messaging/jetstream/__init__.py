"""NATS JetStream, through nats-py.

Nothing is imported here: `serve` checks the addresses and files of NATS, but never connects to it.
"""
