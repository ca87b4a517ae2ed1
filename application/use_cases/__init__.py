"""The use cases: one frozen callable a file; its signature is the inbound port."""
