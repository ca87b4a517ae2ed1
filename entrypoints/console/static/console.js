// What is better with JavaScript; every page is complete without it.
"use strict";

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function relative(at) {
  const seconds = (Date.now() - at) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["", 1];
  if (!unit) return "now";
  const number = Math.floor(Math.abs(seconds) / size);
  const length = `${number} ${unit}${number > 1 ? "s" : ""}`;
  return seconds < 0 ? `in ${length}` : `${length} ago`;
}

function updateTimes() {
  for (const each of document.querySelectorAll("[data-ago]")) {
    each.textContent = relative(Date.parse(each.closest("time").dateTime));
  }
}

function showCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const each of root.querySelectorAll(".copy")) each.hidden = false;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.dataset.copied = "";
  const label = button.getAttribute("aria-label");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    button.setAttribute("aria-label", label);
  }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".copy");
  if (button) copy(button);
});
document.addEventListener("htmx:afterSettle", (event) => showCopyButtons(event.target));

showCopyButtons(document);
setInterval(updateTimes, 10_000);
