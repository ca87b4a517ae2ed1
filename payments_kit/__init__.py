"""What is shipped around the service: gateway conformance kit, simulation, demo, local servers, doubles."""
