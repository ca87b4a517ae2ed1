// Shows the state of the orders service and of the payments service, and nothing else.
"use strict";

const TONES = {
  complete: "good", succeeded: "good", "payment:created": "good",
  cancelled: "bad", failed: "bad", abandoned: "bad", "payment:failed": "bad", "order:cancelled": "bad",
  processing: "wait", requires_action: "wait", pending: "wait", review: "wait", reversed: "wait",
  refunded: "wait", "partly refunded": "wait", "payment:pending": "wait", "payment:refunded": "wait",
};
const LABELS = {
  created: "waiting for payment", requires_action: "authentication required",
  abandoned: "not charged", review: "in review", succeeded: "paid", reversed: "given back",
};
// Codes of the gateway and of the service in words; any other code is shown as it is.
const REASONS = {
  insufficient_funds: "The card has insufficient funds.",
  card_declined: "The bank declined the card.",
  generic_decline: "The bank declined the card.",
  expired_card: "The card has expired.",
  processing_error: "The bank could not process the card. Try again.",
  canceled: "It was cancelled before it was charged.",
  authentication_failed: "The customer did not authenticate.",
  payment_intent_authentication_failure: "The customer did not authenticate.",
  order_cancelled: "The order was cancelled.",
  order_expired: "The order had expired.",
  order_already_paid: "Another payment had already paid the order.",
  declined_before: "It was declined before.",
  requested: "Requested.",
};
// The service settles these payments by itself; meanwhile the page polls them.
const OPEN = new Set(["processing", "requires_action", "pending"]);
const POLL_INTERVAL_MS = 1000;
const COUNTDOWN_INTERVAL_MS = 250;
// How long a copy button confirms the copy.
const COPIED_MS = 1500;

const find = (selector, root = document) => root.querySelector(selector);
const cards = new Map(); // order id -> its list item
const orders = new Map(); // order id -> its last known state
const eventCounts = new Map(); // order id -> number of its events when its payments were last read
const openOrders = new Set(); // ids of orders with a payment in one of the OPEN states

const dollars = (price) =>
  Number(price).toLocaleString("en-US", { style: "currency", currency: "USD" });

const digitsOf = (currency) => new Intl.NumberFormat("en-US", { style: "currency", currency })
  .resolvedOptions().maximumFractionDigits;

const money = (minorUnits, currency) =>
  (minorUnits / 10 ** digitsOf(currency)).toLocaleString("en-US", { style: "currency", currency });

function setBadge(element, status) {
  element.textContent = LABELS[status] ?? status.replaceAll("_", " ");
  element.dataset.tone = TONES[status] ?? "";
}

function showMessage(element, text, tone) {
  element.hidden = false;
  element.textContent = text;
  element.dataset.tone = tone;
}

async function send(method, path, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const content = await response.json().catch(() => ({}));
    return { ok: response.ok, status: response.status, content };
  } catch {
    return { ok: false, status: 0, content: { errors: [{ message: "The demo does not respond" }] } };
  }
}

const reasonOf = (code) => REASONS[code] ?? `Reason: ${code.replaceAll("_", " ")}.`;

// Words first; the status and the code follow for those who know the API.
function errorText({ status, content }) {
  const error = content.errors?.[0] ?? {};
  const words = error.code && REASONS[error.code] ? REASONS[error.code]
    : error.message ?? "Unknown error";
  const details = [status ? `HTTP ${status}` : "", error.code ?? ""].filter(Boolean).join(", ");
  return details ? `${words} (${details})` : words;
}

// Unlike `disabled`, this keeps the keyboard focus on the button.
function setBusy(button, busy) {
  button.setAttribute("aria-disabled", String(busy));
}

const isBusy = (button) => button.getAttribute("aria-disabled") === "true";

// --- actions ----------------------------------------------------------------------------------

find("#new-order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const message = find(".message", form);
  const reply = await send("POST", "/orders", {
    price: Number(fields.get("price")), seconds: Number(fields.get("seconds")),
  });
  message.hidden = reply.ok;
  if (!reply.ok) showMessage(message, errorText(reply), "bad");
});

async function pay(id, card) {
  const button = find(".pay", card);
  const message = find(".message", card);
  if (isBusy(button)) return;
  setBusy(button, true);
  showMessage(message, "Paying …", "");
  const body = { token: find("select", card).value, orderId: id };
  const reply = await send("POST", "/api/payments", body);
  setBusy(button, false);
  if (reply.status === 201) showMessage(message, "Paid (HTTP 201)", "good");
  else if (reply.status === 202) {
    const texts = {
      requires_action: "Your bank requires authentication",
      pending: "Accepted; the money comes later",
    };
    const text = texts[reply.content.status] || "The outcome is not known yet; the service will find it";
    showMessage(message, `${text} (HTTP 202)`, "wait");
  } else showMessage(message, errorText(reply), "bad");
  await updatePayments(id, card);
}

async function cancel(id, card) {
  const reply = await send("POST", `/orders/${id}/cancel`, {});
  const message = find(".message", card);
  message.hidden = reply.ok;
  if (!reply.ok) showMessage(message, errorText(reply), "bad");
}

async function refund(payment, form, card) {
  const button = find("button", form);
  const message = find(".message", card);
  if (isBusy(button)) return;
  setBusy(button, true);
  const scale = 10 ** digitsOf(payment.currency);
  const amount = Math.round(Number(new FormData(form).get("amount")) * scale);
  const reply = await send("POST", `/payments/${payment.id}/refunds`, { amount });
  setBusy(button, false);
  if (reply.ok) {
    showMessage(message, `${money(amount, payment.currency)} refunded (HTTP ${reply.status})`, "good");
  } else showMessage(message, errorText(reply), "bad");
  await updatePayments(payment.orderId, card);
}

async function authenticate(paymentId, succeeded, card) {
  const message = find(".message", card);
  const reply = await send("POST", `/payments/${paymentId}/authentication`, { succeeded });
  if (reply.ok) showMessage(message, "Sent to your bank; the service will check within seconds", "wait");
  else showMessage(message, errorText(reply), "bad");
}

// --- display ----------------------------------------------------------------------------------

function newCard(id) {
  const card = find("#order-template").content.cloneNode(true).firstElementChild;
  find(".id", card).textContent = id.slice(0, 8);
  find(".id", card).title = `order ${id}`;
  find(".pay", card).addEventListener("click", () => pay(id, card));
  find(".cancel", card).addEventListener("click", () => cancel(id, card));
  return card;
}

function updateOrder(order) {
  const card = cards.get(order.id) ?? newCard(order.id);
  cards.set(order.id, card);
  orders.set(order.id, order);
  find(".price", card).textContent = dollars(order.price);
  setBadge(find(".badge", card), order.status);
  const canBePaid = order.status === "created";
  for (const element of [find(".card", card), find(".pay", card)]) element.hidden = !canBePaid;
  find(".cancel", card).hidden = order.status === "cancelled";
  const name = `order ${order.id.slice(0, 8)} for ${dollars(order.price)}`;
  find("select", card).ariaLabel = `Card for ${name}`;
  find(".pay", card).ariaLabel = `Pay ${name}`;
  find(".cancel", card).ariaLabel = `Cancel ${name}`;
  updateCountdown(order);
  return card;
}

function updateCountdown(order) {
  const card = cards.get(order.id);
  const isWaiting = order.status === "created" && order.expiresAt !== null;
  const left = Date.parse(order.expiresAt) - Date.now();
  find("progress", card).hidden = !isWaiting;
  find(".countdown", card).hidden = !isWaiting;
  if (!isWaiting) return;
  const lifetime = Date.parse(order.expiresAt) - Date.parse(order.createdAt);
  find("progress", card).value = Math.max(0, left / lifetime);
  const seconds = Math.max(0, Math.ceil(left / 1000));
  find(".countdown", card).textContent = seconds === 0 ? "expired"
    : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}

function shownStatus({ status, amount, refundedAmount }) {
  if (status !== "succeeded" || !refundedAmount) return status;
  return refundedAmount < amount ? "partly refunded" : "refunded";
}

function newPayment(payment, card) {
  const item = find("#payment-template").content.cloneNode(true).firstElementChild;
  setBadge(find(".badge", item), shownStatus(payment));
  find(".amount", item).textContent = money(payment.amount, payment.currency);
  const refunded = payment.refundedAmount
    ? `${money(payment.refundedAmount, payment.currency)} refunded` : "";
  const details = [refunded, payment.code && reasonOf(payment.code), payment.stripeId];
  find(".detail", item).textContent = details.filter(Boolean).join(" · ");
  prepareRefund(payment, find(".refund", item), card);
  find(".bank", item).hidden = payment.status !== "requires_action";
  find(".confirm", item).addEventListener("click", () => authenticate(payment.id, true, card));
  find(".reject", item).addEventListener("click", () => authenticate(payment.id, false, card));
  return item;
}

function prepareRefund(payment, form, card) {
  const left = payment.amount - (payment.refundedAmount ?? 0);
  form.hidden = payment.status !== "succeeded" || left <= 0;
  const digits = digitsOf(payment.currency);
  const input = find("input", form);
  input.min = input.step = (1 / 10 ** digits).toFixed(digits);
  input.max = input.value = (left / 10 ** digits).toFixed(digits);
  find(".refund-label", form).textContent = `Refund in ${payment.currency.toUpperCase()}`;
  const name = `payment of ${money(payment.amount, payment.currency)}, order ${payment.orderId.slice(0, 8)}`;
  input.ariaLabel = `Amount to refund of the ${name}`;
  find("button", form).ariaLabel = `Refund the ${name}`;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    refund(payment, form, card);
  });
}

async function updatePayments(id, card) {
  const path = `/api/payments?orderId=${encodeURIComponent(id)}`;
  const { ok, content: payments } = await send("GET", path);
  if (!ok) return;
  const shown = JSON.stringify(payments);
  const list = find(".payments", card);
  if (list.dataset.shown !== shown) { // replaced only if changed: a user may be pressing a button
    list.dataset.shown = shown;
    const newestFirst = payments.toReversed();
    list.replaceChildren(...newestFirst.map((payment) => newPayment(payment, card)));
  }
  if (payments.some((payment) => OPEN.has(payment.status))) openOrders.add(id);
  else if (openOrders.delete(id)) find(".message", card).hidden = true; // the outcome is shown now
}

// On one line, but with a space after each comma and colon, so that the text wraps between fields.
function formatJson(body) {
  const text = JSON.stringify(body, null, 1);
  return text.replace(/(?<=[{[])\n\s*|\n\s*(?=[}\]])/g, "").replace(/\n\s*/g, " ");
}

function newEvent({ at, subject, body }) {
  const item = document.createElement("li");
  const line = document.createElement("div");
  const name = document.createElement("span");
  const time = document.createElement("time");
  const code = document.createElement("code");
  line.className = "line";
  name.className = "badge";
  setBadge(name, subject);
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString();
  code.textContent = formatJson(body);
  line.append(name, time);
  item.append(line, code);
  return item;
}

let shownEvents = "";

function update(state) {
  const list = find("#orders");
  state.orders.map(updateOrder).forEach((card, index) => {
    if (list.children[index] !== card) list.insertBefore(card, list.children[index] ?? null);
  });
  const listed = new Set(state.orders.map((order) => order.id));
  for (const [id, card] of cards) {
    if (listed.has(id)) continue;
    card.remove();
    for (const known of [cards, orders, eventCounts, openOrders]) known.delete(id);
  }
  newestOrders = state.orders;
  updateCommands();
  find("#no-orders").hidden = state.orders.length > 0;
  find("#no-events").hidden = state.events.length > 0;
  const newest = state.events.toReversed();
  const shown = JSON.stringify(newest[0] ?? "") + newest.length;
  if (shown !== shownEvents) {
    shownEvents = shown;
    find("#events").replaceChildren(...newest.map(newEvent));
  }
  for (const [id, card] of cards) {
    const count = state.events.filter(({ body }) => body.orderId === id || body.id === id).length;
    if (eventCounts.get(id) !== count) {
      eventCounts.set(id, count);
      updatePayments(id, card);
    }
  }
}

// --- the API from a terminal ------------------------------------------------------------------

let credentials = null;
let newestOrders = []; // newest first

function updateCommands() {
  if (credentials === null) return;
  const { address, jwt, operatorKey } = credentials;
  const payable = newestOrders.find(({ status }) => status === "created");
  find("#variables").textContent =
    `SERVICE=${address}\nJWT=${jwt}\nOPERATOR_KEY=${operatorKey}\nORDER=${payable?.id ?? "…"}`;
  find("#commands").textContent = [
    "curl -i $SERVICE/api/payments -H \"Authorization: Bearer $JWT\" \\",
    "     -H 'Content-Type: application/json' \\",
    "     -d \"{\\\"token\\\": \\\"tok_visa\\\", \\\"orderId\\\": \\\"$ORDER\\\"}\"",
    "curl \"$SERVICE/api/payments?orderId=$ORDER\" -H \"Authorization: Bearer $JWT\"",
    "curl -X POST $SERVICE/api/payments/PAYMENT/refunds \\",
    "     -H \"Authorization: Bearer $OPERATOR_KEY\"",
  ].join("\n");
}

find("#terminal").addEventListener("toggle", async () => {
  const reply = await send("GET", "/credentials");
  if (reply.ok) credentials = reply.content;
  updateCommands();
});

for (const button of document.querySelectorAll("[data-copies]")) {
  const text = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(`#${button.dataset.copies}`).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = text; }, COPIED_MS);
  });
}

// --- updates ----------------------------------------------------------------------------------

const connection = find("#connection");
const stream = new EventSource("/state");
stream.addEventListener("open", () => {
  connection.dataset.live = "yes";
  connection.textContent = "live";
});
stream.addEventListener("error", () => {
  connection.dataset.live = "no";
  connection.textContent = "The demo has stopped or cannot be reached; reconnecting …";
});
stream.addEventListener("message", (message) => update(JSON.parse(message.data)));
setInterval(() => orders.forEach(updateCountdown), COUNTDOWN_INTERVAL_MS);
setInterval(() => openOrders.forEach((id) => updatePayments(id, cards.get(id))), POLL_INTERVAL_MS);
