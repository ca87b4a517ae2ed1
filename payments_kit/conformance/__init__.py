"""The gateway port's promises as a pytest suite: `pytest --gateway mypackage:make_gateway`."""
