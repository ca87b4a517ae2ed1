"""Coverage: which branches of domain/ and application/ the simulation takes, and which it cannot.

A package of its own: it needs the library `coverage`, which only development has.
"""
