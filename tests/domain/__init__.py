"""The rules of the domain, checked by properties wherever possible."""
