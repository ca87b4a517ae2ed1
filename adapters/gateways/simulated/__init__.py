"""The common part of the gateways that move no money: records, and rules that follow Stripe's."""
