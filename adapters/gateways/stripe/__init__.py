"""Stripe: charges, PaymentIntents, refunds and webhooks through the official SDK."""
