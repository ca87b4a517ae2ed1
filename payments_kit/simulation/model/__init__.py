"""The specification: which histories of a shop the service's promises allow.

It was written from the outside contract, and it shares nothing with the service: it imports neither
the domain nor anything above it. What it reads is plain data, see `records`.

- `orders`: what an order has to be after its events.
- `charges`, `refunds`, `replies`, `events`: the promises, for a system at rest.
- `promises`: all of them.
- `steps`: what may not even hold for a moment.
"""
