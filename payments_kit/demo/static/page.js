// Shows the state of the orders service and of the payments service, and nothing else.
import { OrderCard } from "./orders.js";
import { send } from "./service.js";
import { errorText, setBadge, showMessage } from "./words.js";

const POLL_INTERVAL_MS = 1000;
const COUNTDOWN_INTERVAL_MS = 250;
// How long a copy button confirms the copy.
const COPIED_MS = 1500;

const find = (selector, root = document) => root.querySelector(selector);
const cards = new Map(); // order id -> its card
let newestOrders = []; // newest first
let shownEvents = "";

// The order whose customer has come back from another page, until it is shown.
const parameters = new URLSearchParams(location.search);
const left = parameters.get("left"); // without an approval
let returned = parameters.get("returned") ?? left;
if (returned !== null) history.replaceState(null, "", location.pathname);

find("#new-order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const message = find(".message", form);
  const reply = await send("POST", "/orders", {
    price: Number(fields.get("price")),
    seconds: Number(fields.get("seconds")),
    capture: fields.has("manual") ? "manual" : "automatic",
  });
  message.hidden = reply.ok;
  if (!reply.ok) showMessage(message, errorText(reply), "bad");
});

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

function showEvents(events) {
  find("#no-events").hidden = events.length > 0;
  const newest = events.toReversed();
  const shown = JSON.stringify(newest[0] ?? "") + newest.length;
  if (shown === shownEvents) return;
  shownEvents = shown;
  find("#events").replaceChildren(...newest.map(newEvent));
}

function showOrders(orders) {
  const list = find("#orders");
  find("#no-orders").hidden = orders.length > 0;
  orders.forEach((order, index) => {
    if (!cards.has(order.id)) cards.set(order.id, new OrderCard(order.id));
    const card = cards.get(order.id);
    card.update(order);
    const there = list.children[index] ?? null;
    if (there !== card.element) list.insertBefore(card.element, there);
  });
  const listed = new Set(orders.map((order) => order.id));
  for (const [id, card] of cards) {
    if (listed.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
}

function update({ orders, events }) {
  newestOrders = orders;
  showOrders(orders);
  showEvents(events);
  updateCommands();
  for (const [id, card] of cards) {
    const count = events.filter(({ body }) => body.orderId === id || body.id === id).length;
    if (card.countEvents !== count) {
      card.countEvents = count;
      card.loadPayments();
    }
  }
  if (cards.has(returned)) {
    cards.get(returned).welcomeBack(left !== null);
    returned = null;
  }
}

// --- the API from a terminal ------------------------------------------------------------------

let credentials = null;

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
setInterval(() => cards.forEach((card) => card.updateCountdown()), COUNTDOWN_INTERVAL_MS);
setInterval(() => cards.forEach((card) => card.isPolled && card.loadPayments()), POLL_INTERVAL_MS);
