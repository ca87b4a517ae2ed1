"""The operators' console `/ops`: pages on the same use cases as the operator API.

It has no rules of its own: what may be done is what the explanations say, and a refused action says
what the operator API would say. Pages are complete without JavaScript.
"""
