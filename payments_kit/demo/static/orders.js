// The orders with their checkout and payments.
import { pay, payWith, prepareCheckout, takeSession } from "./checkout.js";
import { Payments, isLive, isPolled } from "./payments.js";
import { once, send } from "./service.js";
import { dollars, errorText, setBadge, shortId, showMessage } from "./words.js";

const find = (selector, root) => root.querySelector(selector);

const BACK = {
  succeeded: ["Back from your bank: paid", "good"],
  authorized: ["Back from your bank: authorized", "good"],
  failed: ["Back from your bank: not approved. Choose another way to pay.", "bad"],
  cancelled: ["Back from your bank: cancelled", "bad"],
};
const LEFT = ["Back from your wallet: not approved. Choose another way to pay.", "bad"];
const UNDECIDED = ["Back from your bank, which has not decided yet", "wait"];

export class OrderCard {
  constructor(id) {
    this.id = id;
    this.order = null;
    this.countEvents = -1; // number of its events when its payments were last read
    this.element = find("#order-template", document).content.cloneNode(true).firstElementChild;
    this.message = find(".message", this.element);
    this.form = find(".checkout", this.element);
    this.payments = new Payments(
      find(".payments", this.element), this.message, () => this.loadPayments(),
    );
    find(".id", this.element).textContent = shortId(id);
    find(".id", this.element).title = `order ${id}`;
    prepareCheckout(this.form, id);
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await pay(id, this.form, this.message);
      await this.loadPayments();
    });
    for (const action of ["ship", "cancel"]) {
      const button = find(`.${action}`, this.element);
      button.addEventListener("click", () => once(button, () => this.change(action)));
    }
  }

  async change(action) {
    const reply = await send("POST", `/orders/${this.id}/${action}`, {});
    this.message.hidden = true;
    if (!reply.ok) showMessage(this.message, errorText(reply), "bad");
  }

  update(order) {
    this.order = order;
    const price = dollars(order.price);
    const name = `order ${shortId(order.id)} for ${price}`;
    find(".price", this.element).textContent = price;
    find(".pay", this.form).textContent = `Pay ${price}`;
    find(".pay", this.form).ariaLabel = `Pay ${price}: order ${shortId(order.id)}`;
    find(".cancel", this.element).ariaLabel = `Cancel ${name}`;
    find(".ship", this.element).ariaLabel = `Ship ${name}`;
    this.refresh();
    this.updateCountdown();
  }

  refresh() {
    const { order } = this;
    const isHeld = order.status === "authorized";
    this.keepFocus(() => {
      setBadge(find(".badge", this.element), isHeld && order.isShipped ? "shipped" : order.status);
      this.form.hidden = order.status !== "created" || this.payments.known.some(isLive);
      find(".later", this.element).hidden = order.capture !== "manual" || this.form.hidden;
      find(".ship", this.element).hidden = !isHeld || order.isShipped;
      find(".cancel", this.element).hidden = order.status === "cancelled";
    });
  }

  // A control that had the focus and is gone hands it to the same control of a new list, or to the
  // heading of its order: the keyboard must not start at the top of the page again.
  keepFocus(work) {
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const paymentId = focused?.closest(".payment")?.dataset.id;
    work();
    if (focused === null || (focused.isConnected && focused.checkVisibility())) return;
    const payment = paymentId && find(`.payment[data-id="${paymentId}"]`, this.element);
    const same = payment && [...payment.querySelectorAll("button, input, a")]
      .find((each) => each.className === focused.className && each.checkVisibility());
    (same ?? find(".price", this.element)).focus();
  }

  updateCountdown() {
    const { order } = this;
    const isWaiting = order.status === "created" && order.expiresAt !== null;
    const left = Date.parse(order.expiresAt) - Date.now();
    const progress = find("progress", this.element);
    const countdown = find(".countdown", this.element);
    progress.hidden = countdown.hidden = !isWaiting;
    if (!isWaiting) return;
    const lifetime = Date.parse(order.expiresAt) - Date.parse(order.createdAt);
    progress.value = Math.max(0, left / lifetime);
    const seconds = Math.max(0, Math.ceil(left / 1000));
    countdown.textContent = seconds === 0 ? "expired"
      : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  }

  get isPolled() {
    return this.payments.known.some(isPolled);
  }

  async loadPayments() {
    const path = `/api/payments?orderId=${encodeURIComponent(this.id)}`;
    const { ok, content: payments } = await send("GET", path);
    if (!ok) return;
    const waited = this.isPolled;
    this.keepFocus(() => this.payments.show(payments));
    this.refresh();
    if (waited && !this.isPolled) this.message.hidden = true; // the outcome is shown now
  }

  // The customer has come back from the page of a bank, or of a wallet with an approval.
  async welcomeBack(hasLeft) {
    const token = takeSession(this.id);
    await this.loadPayments();
    if (hasLeft) showMessage(this.message, ...LEFT);
    else if (token !== null) await this.payApproved(token);
    else showMessage(this.message, ...(BACK[this.payments.known.at(-1)?.status] ?? UNDECIDED));
    find(".price", this.element).focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  async payApproved(token) {
    await payWith(this.id, token, { token }, this.message);
    await this.loadPayments();
  }
}
