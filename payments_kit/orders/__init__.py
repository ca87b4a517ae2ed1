"""For an orders service that consumes our events: the guard, and the suite `pytest --orders`.

This package uses nothing but attrs and the standard library; docs/orders-side.md explains it.
"""
