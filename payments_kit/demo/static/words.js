// States, reasons and amounts in words.

const TONES = {
  complete: "good", succeeded: "good", "payment:created": "good",
  cancelled: "bad", failed: "bad", abandoned: "bad", "payment:failed": "bad", "order:cancelled": "bad",
  processing: "wait", requires_action: "wait", pending: "wait", review: "wait", reversed: "wait",
  refunded: "wait", "partly refunded": "wait", "payment:pending": "wait", "payment:refunded": "wait",
  authorized: "held", shipped: "held", "payment:authorized": "held", "order:shipped": "held",
  "payment:voided": "wait",
};
const LABELS = {
  created: "waiting for payment", requires_action: "waiting for the customer",
  pending: "waiting for the money", authorized: "authorized", shipped: "shipped",
  abandoned: "not charged", review: "in review", succeeded: "paid", reversed: "given back",
};
// Codes of the gateway and of the service in words; any other code is shown as it is.
const REASONS = {
  insufficient_funds: "There is not enough money on the account.",
  card_declined: "The bank declined the card.",
  generic_decline: "The bank declined it.",
  expired_card: "The card has expired.",
  processing_error: "The bank could not process the card. Try again.",
  canceled: "It was cancelled before it was charged.",
  cancelled_by_customer: "You cancelled it.",
  authentication_failed: "It was not approved at the bank.",
  payment_intent_authentication_failure: "It was not approved at the bank.",
  debit_failed: "The bank did not pay.",
  authorization_expired: "The money was held for too long.",
  voided: "The shop released the money.",
  operator: "The shop released the money.",
  order_cancelled: "The order was cancelled.",
  order_expired: "The order had expired.",
  order_already_paid: "Another payment had already paid the order.",
  declined_before: "It was declined before.",
  requested: "Requested.",
};

export const labelOf = (status) => LABELS[status] ?? status.replaceAll("_", " ");

export const reasonOf = (code) => REASONS[code] ?? `Reason: ${code.replaceAll("_", " ")}.`;

export const dollars = (price) =>
  Number(price).toLocaleString("en-US", { style: "currency", currency: "USD" });

export const digitsOf = (currency) => new Intl.NumberFormat("en-US", { style: "currency", currency })
  .resolvedOptions().maximumFractionDigits;

export const money = (minorUnits, currency) =>
  (minorUnits / 10 ** digitsOf(currency)).toLocaleString("en-US", { style: "currency", currency });

export const shortId = (id) => id.slice(0, 8);

// Words first; the status and the code follow for those who know the API.
export function errorText({ status, content }) {
  const error = content.errors?.[0] ?? {};
  const words = error.code && REASONS[error.code] ? REASONS[error.code]
    : error.message ?? "Unknown error";
  const details = [status ? `HTTP ${status}` : "", error.code ?? ""].filter(Boolean).join(", ");
  return details ? `${words} (${details})` : words;
}

export function setBadge(element, status) {
  element.textContent = labelOf(status);
  element.dataset.tone = TONES[status] ?? "";
}

// One place that assistive technology listens to: an element that appears with its text is not
// announced everywhere.
export function announce(text) {
  document.querySelector("#announcer").textContent = text;
}

export function showMessage(element, text, tone) {
  element.hidden = false;
  element.textContent = text;
  element.dataset.tone = tone;
  announce(text);
}
