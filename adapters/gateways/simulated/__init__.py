"""What the gateways that move no money have in common: records and rules that follow Stripe's."""
