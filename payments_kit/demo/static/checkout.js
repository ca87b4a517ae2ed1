// The checkout of an order: the ways to pay.
import { once, send } from "./service.js";
import { errorText, showMessage } from "./words.js";

const VISA = "tok_visa";
const SESSION = "session";
// Test tokens of the fake gateway.
const METHODS = [
  { token: VISA, label: "Card", hint: "" },
  { token: "pm_applePay", label: "Wallet", hint: "Such as Apple Pay or Google Pay: paid at once." },
  { token: "pm_ideal", label: "iDEAL", hint: "You approve on your bank’s page and come back." },
  { token: SESSION, label: "PayPal", hint: "You approve on its page, here a demo wallet, and come back; then the shop takes the money." },
  { token: "pm_usBankAccount_processing", label: "Debit", hint: "From a bank account. The money comes days later, here after 8 seconds." },
  { token: "pm_voucher", label: "Voucher", hint: "You pay it later, such as at a counter." },
];
// An order that was created just now may not have reached the service yet.
const ATTEMPTS = 10;
const RETRY_MS = 200;

const find = (selector, root) => root.querySelector(selector);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function prepareCheckout(form, id) {
  const list = find(".methods", form);
  for (const { token, label } of METHODS) {
    const item = find("#method-template", document).content.cloneNode(true).firstElementChild;
    const input = find("input", item);
    input.name = `method-${id}`;
    input.value = token;
    input.checked = token === VISA;
    find("span", item).textContent = label;
    list.append(item);
  }
  list.addEventListener("change", () => showMethod(form));
  showMethod(form);
}

function chosen(form) {
  const token = find(".methods input:checked", form).value;
  return METHODS.find((method) => method.token === token);
}

function showMethod(form) {
  const method = chosen(form);
  find(".variant", form).hidden = method.token !== VISA;
  find(".hint", form).hidden = method.hint === "";
  find(".hint", form).textContent = method.hint;
}

// What the customer must do about a payment is told once, when it is made. The browser keeps it for
// this tab, as the script of a gateway does.
const keyOf = (paymentId) => `action-${paymentId}`;

export const actionOf = (paymentId) => JSON.parse(sessionStorage.getItem(keyOf(paymentId)) ?? "{}");

function keepAction({ id, nextAction }, { token }) {
  const action = { token, url: nextAction?.redirectUrl ?? null };
  sessionStorage.setItem(keyOf(id), JSON.stringify(action));
  return action;
}

async function replicated(method, path, body) {
  for (let attempt = 1; ; attempt += 1) {
    const reply = await send(method, path, body);
    if (reply.status !== 404 || attempt === ATTEMPTS) return reply;
    await wait(RETRY_MS);
  }
}

const ACCEPTED = {
  requires_action: "Your bank asks you to approve the payment",
  pending: "Accepted; the money comes later",
  processing: "The outcome is not known yet; the service will find it",
};

// The session that a customer approves elsewhere. The browser keeps its token for this tab.
const sessionOf = (id) => `session-${id}`;

export function takeSession(id) {
  const token = sessionStorage.getItem(sessionOf(id));
  sessionStorage.removeItem(sessionOf(id));
  return token;
}

async function openSession(id, message) {
  const path = `/api/payments/options?orderId=${encodeURIComponent(id)}`;
  const options = await replicated("GET", path);
  const back = (name) => `${location.origin}/?${name}=${encodeURIComponent(id)}`;
  const reply = options.ok ? await send("POST", "/api/payments/sessions", {
    orderId: id,
    gateway: options.content.gateways[0]?.gateway,
    returnUrl: back("returned"),
    cancelUrl: back("left"),
  }) : options;
  if (!reply.ok) return showMessage(message, errorText(reply), "bad");
  sessionStorage.setItem(sessionOf(id), reply.content.token);
  return location.assign(reply.content.approveUrl);
}

export async function pay(id, form, message) {
  await once(find(".pay", form), async () => {
    const method = chosen(form);
    if (method.token === SESSION) return openSession(id, message);
    const token = method.token === VISA ? find("select", form).value : method.token;
    return payWith(id, token, method, message);
  });
}

export async function payWith(id, token, method, message) {
  showMessage(message, "Paying …", "");
  const returnUrl = `${location.origin}/?returned=${encodeURIComponent(id)}`;
  const reply = await replicated("POST", "/api/payments", { token, orderId: id, returnUrl });
  const { content, status } = reply;
  if (status === 201 && content.status === "authorized") {
    showMessage(message, "Authorized: the money is held until the order ships (HTTP 201)", "good");
  } else if (status === 201) showMessage(message, "Paid (HTTP 201)", "good");
  else if (status === 202) {
    const { url } = keepAction(content, method);
    showMessage(message, `${ACCEPTED[content.status] ?? "Accepted"} (HTTP 202)`, "wait");
    if (url !== null) location.assign(url);
  } else showMessage(message, errorText(reply), "bad");
}
