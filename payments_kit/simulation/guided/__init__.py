"""The guided search: the next run is near one that has reached something new."""
