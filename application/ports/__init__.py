"""What the use cases need of the outside: short protocols whose docstrings are promises."""
