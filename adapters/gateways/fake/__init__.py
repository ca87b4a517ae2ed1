"""The fake gateway, for demonstrations: simulated charges, recorded in the service's database."""

from adapters.gateways.fake.gateway import FakeGateway

__all__ = ["FakeGateway"]
