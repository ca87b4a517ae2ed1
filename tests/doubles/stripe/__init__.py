"""The Stripe double, used through the official SDK."""
