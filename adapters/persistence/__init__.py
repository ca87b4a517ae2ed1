"""Where the books are kept: in memory (the reference), or in PostgreSQL."""
