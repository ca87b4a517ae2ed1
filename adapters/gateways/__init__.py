"""Payment gateways: Stripe, and simulated ones that move no money."""
