"""What the use cases need from outside: short protocols whose docstrings are promises."""
