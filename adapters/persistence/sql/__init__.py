"""The database in PostgreSQL, through SQLAlchemy and asyncpg."""
