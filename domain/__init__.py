"""The pure core: money, orders, payments, refunds, disputes and the rules between them."""
