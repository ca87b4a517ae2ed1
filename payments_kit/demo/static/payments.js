// The payments of an order, and what can be done about each.
import { actionOf } from "./checkout.js";
import { once, send } from "./service.js";
import {
  announce, digitsOf, errorText, labelOf, money, reasonOf, setBadge, shortId, showMessage,
} from "./words.js";

// They wait for the customer or for the money, and the customer may cancel them.
const CANCELLABLE = new Set(["requires_action", "pending"]);
// No other payment can be made meanwhile.
const LIVE = new Set(["processing", "requires_action", "pending", "authorized", "succeeded"]);
// The service settles these by itself; meanwhile the page polls them.
const POLLED = new Set(["processing", "requires_action", "pending"]);
const BANK = {
  requires_action: { text: "Do you approve this payment?", approve: "Approve", decline: "Decline" },
  pending: { text: "Does the bank pay this debit?", approve: "Pay it now", decline: "Reject it" },
  voucher: { text: "Pay the voucher at a counter?", approve: "Pay it", decline: "Let it expire" },
};

const find = (selector, root) => root.querySelector(selector);

export const isLive = ({ status }) => LIVE.has(status);
export const isPolled = ({ status }) => POLLED.has(status);

function shownStatus({ status, amount, capturedAmount, refundedAmount }) {
  if (status !== "succeeded" || !refundedAmount) return status;
  return refundedAmount < (capturedAmount ?? amount) ? "partly refunded" : "refunded";
}

const nameOf = ({ amount, currency, orderId }) =>
  `payment of ${money(amount, currency)}, order ${shortId(orderId)}`;

function detailsOf(payment) {
  const { status, code, currency } = payment;
  const until = payment.authorizedUntil && new Date(payment.authorizedUntil).toLocaleDateString();
  return [
    payment.refundedAmount ? `${money(payment.refundedAmount, currency)} refunded` : "",
    payment.capturedAmount === undefined ? "" : `${money(payment.capturedAmount, currency)} captured`,
    until ? `held until ${until}` : "",
    status === "authorized" && code ? "being released" : "",
    code ? reasonOf(code) : "",
    payment.stripeId,
  ].filter(Boolean).join(" · ");
}

export class Payments {
  constructor(list, message, reload) {
    Object.assign(this, { list, message, reload, shown: "", known: [] });
  }

  // Shows the payments, newest first; returns whether anything has changed.
  show(payments) {
    const shown = JSON.stringify(payments);
    if (this.shown === shown) return false; // a user may be pressing a button
    this.announceChanges(payments);
    this.shown = shown;
    this.known = payments;
    this.list.replaceChildren(...payments.toReversed().map((payment) => this.newItem(payment)));
    return true;
  }

  announceChanges(payments) {
    const before = new Map(this.known.map((payment) => [payment.id, shownStatus(payment)]));
    for (const payment of payments) {
      const status = shownStatus(payment);
      if (before.has(payment.id) && before.get(payment.id) !== status) {
        announce(`The ${nameOf(payment)}: ${labelOf(status)}`);
      }
    }
  }

  newItem(payment) {
    const item = find("#payment-template", document).content.cloneNode(true).firstElementChild;
    item.dataset.id = payment.id;
    item.dataset.status = payment.status;
    setBadge(find(".badge", item), shownStatus(payment));
    find(".amount", item).textContent = money(payment.amount, payment.currency);
    find(".detail", item).textContent = detailsOf(payment);
    this.prepareBank(payment, item);
    this.prepareWithdrawal(payment, item);
    this.prepareOperator(payment, item);
    return item;
  }

  button(item, selector, name, work) {
    const button = find(selector, item);
    button.ariaLabel = `${button.textContent}: ${name}`;
    button.addEventListener("click", () => once(button, work));
    return button;
  }

  async act(path, body, success) {
    const reply = await send("POST", path, body);
    if (reply.ok) showMessage(this.message, success(reply), "good");
    else showMessage(this.message, errorText(reply), "bad");
    await this.reload();
  }

  prepareBank(payment, item) {
    const { token, url } = actionOf(payment.id);
    const words = BANK[token === "pm_voucher" && payment.status === "pending" ? "voucher" : payment.status];
    const isElsewhere = payment.status === "requires_action" && Boolean(url);
    find(".bank", item).hidden = words === undefined;
    if (words === undefined) return;
    find(".bank .question", item).textContent = isElsewhere
      ? "Your bank waits for you on its own page." : words.text;
    const link = find(".continue", item);
    link.hidden = !isElsewhere;
    if (isElsewhere) link.href = url;
    for (const [selector, approved] of [[".approve", true], [".decline", false]]) {
      find(selector, item).textContent = approved ? words.approve : words.decline;
      const path = `/payments/${payment.id}/decision`;
      const button = this.button(item, selector, nameOf(payment), () =>
        this.act(path, { approved }, () => "Your bank has told the service"));
      button.hidden = isElsewhere;
    }
  }

  prepareWithdrawal(payment, item) {
    const path = `/api/payments/${payment.id}/cancel`;
    const button = this.button(item, ".withdraw", nameOf(payment), () =>
      this.act(path, undefined, () => "Cancelled; you can use another way to pay"));
    button.hidden = !CANCELLABLE.has(payment.status);
  }

  prepareOperator(payment, item) {
    const left = (payment.capturedAmount ?? payment.amount) - (payment.refundedAmount ?? 0);
    const canRefund = payment.status === "succeeded" && left > 0;
    const canVoid = payment.status === "authorized" && !payment.code;
    find(".operator", item).hidden = !(canRefund || canVoid);
    find(".refund", item).hidden = !canRefund;
    if (canRefund) this.prepareRefund(payment, left, find(".refund", item));
    const button = this.button(item, ".void", nameOf(payment), () =>
      this.act(`/payments/${payment.id}/void`, {}, () => "The held money is released"));
    button.hidden = !canVoid;
  }

  prepareRefund(payment, left, form) {
    const { currency } = payment;
    const digits = digitsOf(currency);
    const input = find("input", form);
    input.min = input.step = (1 / 10 ** digits).toFixed(digits);
    input.max = input.value = (left / 10 ** digits).toFixed(digits);
    find(".refund-label", form).textContent = `Refund in ${currency.toUpperCase()}`;
    input.ariaLabel = `Refund in ${currency.toUpperCase()} of the ${nameOf(payment)}`;
    const button = find("button", form);
    button.ariaLabel = `Refund the ${nameOf(payment)}`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const amount = Math.round(Number(input.value) * 10 ** digits);
      const success = ({ status }) => `${money(amount, currency)} refunded (HTTP ${status})`;
      once(button, () => this.act(`/payments/${payment.id}/refunds`, { amount }, success));
    });
  }
}
