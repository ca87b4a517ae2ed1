"""The database: in memory (the reference), or PostgreSQL."""
