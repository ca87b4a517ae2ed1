// Shows what the orders side and the payments service say, and nothing that they did not say.
"use strict";

const TONES = {
  complete: "good", succeeded: "good", "payment:created": "good",
  cancelled: "bad", failed: "bad", abandoned: "bad", "payment:failed": "bad", "order:cancelled": "bad",
  processing: "wait", requires_action: "wait", review: "wait", unwanted: "wait", "payment:refunded": "wait",
};
// While a payment's end is open the service looks after it by itself; so do we.
const OPEN = new Set(["processing", "requires_action"]);
const LOOK_EVERY_MS = 1000;
const TICK_MS = 250;

const at = (selector, root = document) => root.querySelector(selector);
const cards = new Map(); // order id -> its list item
const orders = new Map(); // order id -> what was last said of it
const heardOf = new Map(); // order id -> how many events about it were known at the last look
const open = new Set(); // ids of orders with a payment whose end is not known

const dollars = (price) =>
  Number(price).toLocaleString("en-US", { style: "currency", currency: "USD" });

function money(minor, currency) {
  const digits = new Intl.NumberFormat("en-US", { style: "currency", currency })
    .resolvedOptions().maximumFractionDigits;
  return (minor / 10 ** digits).toLocaleString("en-US", { style: "currency", currency });
}

function badge(element, status) {
  element.textContent = status.replace("_", " ");
  element.dataset.tone = TONES[status] ?? "";
}

function say(element, text, tone) {
  element.hidden = false;
  element.textContent = text;
  element.dataset.tone = tone;
}

async function ask(method, path, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json().catch(() => ({}));
    return { ok: response.ok, status: response.status, answer };
  } catch {
    return { ok: false, status: 0, answer: { errors: [{ message: "The demo does not answer" }] } };
  }
}

function reason({ status, answer }) {
  const error = answer.errors?.[0] ?? {};
  const code = error.code ? ` (${error.code})` : "";
  return `${status || "–"}: ${error.message ?? "no reason given"}${code}`;
}

// --- doing ------------------------------------------------------------------------------------

at("#new-order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const said = at(".said", form);
  const result = await ask("POST", "/orders", {
    price: Number(fields.get("price")), seconds: Number(fields.get("seconds")),
  });
  said.hidden = result.ok;
  if (!result.ok) say(said, reason(result), "bad");
});

async function pay(id, card) {
  const button = at(".pay", card);
  const said = at(".said", card);
  button.disabled = true;
  say(said, "Paying …", "");
  const result = await ask("POST", "/api/payments", { token: at("select", card).value, orderId: id });
  button.disabled = false;
  if (result.status === 201) say(said, "201: paid", "good");
  else if (result.status === 202) {
    const asked = result.answer.status === "requires_action";
    say(said, asked ? "202: your bank wants to see you" : "202: not known yet, the service finds out", "wait");
  } else say(said, reason(result), "bad");
  await showPayments(id, card);
}

async function cancel(id, card) {
  const result = await ask("POST", `/orders/${id}/cancel`, {});
  const said = at(".said", card);
  said.hidden = result.ok;
  if (!result.ok) say(said, reason(result), "bad");
}

async function authenticate(paymentId, succeeded, card) {
  const said = at(".said", card);
  const result = await ask("POST", `/payments/${paymentId}/authentication`, { succeeded });
  if (result.ok) say(said, "Your bank has heard you; the service finds out within seconds", "wait");
  else say(said, reason(result), "bad");
}

// --- showing ----------------------------------------------------------------------------------

function newCard(id) {
  const card = at("#order-template").content.cloneNode(true).firstElementChild;
  at(".id", card).textContent = id.slice(0, 8);
  at(".id", card).title = `order ${id}`;
  at(".pay", card).addEventListener("click", () => pay(id, card));
  at(".cancel", card).addEventListener("click", () => cancel(id, card));
  return card;
}

function showOrder(order) {
  const card = cards.get(order.id) ?? newCard(order.id);
  cards.set(order.id, card);
  orders.set(order.id, order);
  at(".price", card).textContent = dollars(order.price);
  badge(at(".badge", card), order.status);
  at(".cancel", card).disabled = order.status === "cancelled";
  at(".pay", card).textContent = order.status === "created" ? "Pay" : "Try to pay";
  at(".pay", card).classList.toggle("main", order.status === "created");
  for (const button of [at(".pay", card), at(".cancel", card)]) {
    button.ariaLabel = `${button.textContent}, ${dollars(order.price)}, ${order.id.slice(0, 8)}`;
  }
  countDown(order);
  return card;
}

function countDown(order) {
  const card = cards.get(order.id);
  const waiting = order.status === "created" && order.expiresAt !== null;
  const left = Date.parse(order.expiresAt) - Date.now();
  at("progress", card).hidden = !waiting;
  at(".countdown", card).hidden = !waiting;
  if (!waiting) return;
  at("progress", card).value = Math.max(0, left / (Date.parse(order.expiresAt) - Date.parse(order.createdAt)));
  const seconds = Math.max(0, Math.ceil(left / 1000));
  at(".countdown", card).textContent = seconds === 0 ? "time is over"
    : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}

function showPayment(payment, card) {
  const item = at("#payment-template").content.cloneNode(true).firstElementChild;
  badge(at(".badge", item), payment.status);
  at(".amount", item).textContent = money(payment.amount, payment.currency);
  const back = payment.refundedAmount ? `${money(payment.refundedAmount, payment.currency)} given back` : "";
  const told = [back, payment.code, payment.stripeId].filter(Boolean);
  at(".detail", item).textContent = told.join(" · ");
  at(".bank", item).hidden = payment.status !== "requires_action";
  at(".me", item).addEventListener("click", () => authenticate(payment.id, true, card));
  at(".not-me", item).addEventListener("click", () => authenticate(payment.id, false, card));
  return item;
}

async function showPayments(id, card) {
  const { ok, answer: payments } = await ask("GET", `/api/payments?orderId=${encodeURIComponent(id)}`);
  if (!ok) return;
  const shown = JSON.stringify(payments);
  const list = at(".payments", card);
  if (list.dataset.shown !== shown) { // leave the buttons alone while somebody may be pressing them
    list.dataset.shown = shown;
    list.replaceChildren(...payments.map((payment) => showPayment(payment, card)));
  }
  if (payments.some((payment) => OPEN.has(payment.status))) open.add(id);
  else if (open.delete(id)) at(".said", card).hidden = true; // what it waited for is shown now
}

function showEvent({ at: moment, subject, body }) {
  const item = document.createElement("li");
  const line = document.createElement("div");
  const name = document.createElement("span");
  const time = document.createElement("time");
  const code = document.createElement("code");
  line.className = "line";
  name.className = "badge";
  badge(name, subject);
  time.dateTime = moment;
  time.textContent = new Date(moment).toLocaleTimeString();
  code.textContent = JSON.stringify(body);
  line.append(name, time);
  item.append(line, code);
  return item;
}

let eventsShown = "";

function show(state) {
  const known = at("#orders");
  state.orders.map(showOrder).forEach((card, index) => {
    if (known.children[index] !== card) known.insertBefore(card, known.children[index] ?? null);
  });
  const listed = new Set(state.orders.map((order) => order.id));
  for (const [id, card] of cards) {
    if (listed.has(id)) continue;
    card.remove();
    for (const kept of [cards, orders, heardOf, open]) kept.delete(id);
  }
  at("#no-orders").hidden = state.orders.length > 0;
  at("#no-events").hidden = state.events.length > 0;
  const newest = state.events.toReversed();
  const shown = JSON.stringify(newest[0] ?? "") + newest.length;
  if (shown !== eventsShown) {
    eventsShown = shown;
    at("#events").replaceChildren(...newest.map(showEvent));
  }
  for (const [id, card] of cards) {
    const events = state.events.filter(({ body }) => body.orderId === id || body.id === id).length;
    if (heardOf.get(id) !== events) {
      heardOf.set(id, events);
      showPayments(id, card);
    }
  }
}

// --- going on ---------------------------------------------------------------------------------

const connection = at("#connection");
const stream = new EventSource("/state");
stream.addEventListener("open", () => {
  connection.dataset.live = "yes";
  connection.textContent = "live";
});
stream.addEventListener("error", () => {
  connection.dataset.live = "no";
  connection.textContent = "the demo has stopped, or is out of reach; trying again …";
});
stream.addEventListener("message", (message) => show(JSON.parse(message.data)));
setInterval(() => orders.forEach(countDown), TICK_MS);
setInterval(() => open.forEach((id) => showPayments(id, cards.get(id))), LOOK_EVERY_MS);
