"""The conformance kit, its guide, and adapters that it must not let pass."""
