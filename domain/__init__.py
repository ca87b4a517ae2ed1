"""The pure core: money, orders, payments, refunds and the rules between them."""
