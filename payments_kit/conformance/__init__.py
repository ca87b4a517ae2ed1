"""What a gateway adapter must do, as a pytest suite: `pytest --gateway mypackage:make_gateway`."""
