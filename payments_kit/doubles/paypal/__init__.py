"""A local HTTP double of the part of PayPal's API that our gateway adapter uses.

It imitates access tokens, orders, authorizations, captures, refunds, disputes, transaction search,
webhooks and the page where a customer approves, with PayPal's errors and request ids (https://developer.paypal.com/api/rest/).

In a test: `async with running_paypal_double() as paypal:`; see RunningDouble for what it offers.
As a process: `python -m payments_kit.doubles.paypal`; the control API under `/_double/`
(routes_control.py) adds faults and acts as the bank and the customer.
"""

from payments_kit.doubles.paypal.double import Double
from payments_kit.doubles.paypal.running import RunningDouble, running_paypal_double
from payments_kit.doubles.paypal.tokens import CLIENT_ID, CLIENT_SECRET

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Double", "RunningDouble", "running_paypal_double"]
