"""Mutants of the code: each is the code with one small change, which a test has to find.

`make mutants ARGS="domain/order.py"`; docs/proof.md says what is measured, and how.
"""
