"""The demo: its orders service, its page, its tour, and that it leaves nothing behind."""
