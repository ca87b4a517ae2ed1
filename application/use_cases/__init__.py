"""The use cases: one frozen class in each file; its public method is the inbound port."""
