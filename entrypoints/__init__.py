"""What calls the use cases: the HTTP service, the worker and the commands; and composition."""
