"""Tests of the conformance kit, its guide, and adapters that must fail it."""
