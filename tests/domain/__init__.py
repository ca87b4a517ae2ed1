"""The rules of the domain, held against properties rather than examples where they allow it."""
