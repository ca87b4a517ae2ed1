"""The conformance kit for gateways, the simulation, the demo, local servers and gateway doubles."""
