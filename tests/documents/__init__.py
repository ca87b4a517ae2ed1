"""The documents of the interfaces: what they say is what the code does."""
