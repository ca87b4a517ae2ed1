"""The version of the schema that this program needs."""

from typing import Final

SCHEMA_VERSION: Final = "0027"
"""The migration that tables.py describes. Versions are compared as text, so a new migration
continues the numbers."""
