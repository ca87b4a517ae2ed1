"""The ways in, held to the contract."""
