// Requests to the demo's web server, which forwards those below /api to the payments service.

export async function send(method, path, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const content = await response.json().catch(() => ({}));
    return { ok: response.ok, status: response.status, content };
  } catch {
    return { ok: false, status: 0, content: { errors: [{ message: "The demo does not respond" }] } };
  }
}

// Unlike `disabled`, this keeps the keyboard focus on the button.
function setBusy(button, busy) {
  button.setAttribute("aria-disabled", String(busy));
}

const isBusy = (button) => button.getAttribute("aria-disabled") === "true";

// Does the work of a button, unless it is being done already.
export async function once(button, work) {
  if (isBusy(button)) return;
  setBusy(button, true);
  try {
    await work();
  } finally {
    setBusy(button, false);
  }
}
