"""The books in PostgreSQL, through SQLAlchemy and asyncpg."""
