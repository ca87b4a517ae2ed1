"""The local servers: they start, keep their data and leave nothing behind."""
