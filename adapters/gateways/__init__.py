"""Those who take the money: Stripe, and gateways that only pretend to."""
