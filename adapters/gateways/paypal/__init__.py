"""PayPal: orders that the customer approves at PayPal before we take the money."""
