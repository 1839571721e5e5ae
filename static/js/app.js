/* What every page needs: relative times, copy buttons, dialogs, menus, toasts, one progress line for htmx. */

/** Words for a moment: mirrors accounts/templatetags/ui.py:relative. */
export function ago(iso, now = Date.now()) {
  const seconds = Math.trunc((new Date(iso).getTime() - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  for (const [unit, length] of [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (size < length) continue;
    const count = Math.floor(seconds > 0 ? size / length + 0.5 : size / length);
    const words = `${count} ${unit}${unit === "day" && count !== 1 ? "s" : ""}`;
    return seconds > 0 ? `in ${words}` : `${words} ago`;
  }
  return "just now";
}

function refreshTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const words = ago(time.dateTime);
    if (time.textContent !== words) time.textContent = words;
  }
}

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyTheOldWay(text); // no clipboard API without TLS on another host
  }
  button.classList.add("is-done");
  setTimeout(() => button.classList.remove("is-done"), 1500);
}

function copyTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function checkTyped(input) {
  const submit = input.form?.querySelector("button:not([formmethod])");
  if (submit) submit.disabled = input.value.trim() !== input.dataset.mustEqual;
}

/** Show a message without a page load: `toast("Saved", "success")`. */
export function toast(text, level = "info") {
  const note = document.createElement("div");
  note.className = `toast-note toast-${level}`;
  note.setAttribute("role", level === "error" ? "alert" : "status");
  note.dataset.toast = "";
  const words = document.createElement("div");
  words.className = "toast-text";
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss");
  note.append(words, close);
  document.getElementById("toasts")?.append(note);
  arm(note);
}

function arm(note) {
  if (note.classList.contains("toast-error") || note.dataset.armed) return; // errors stay until dismissed
  note.dataset.armed = "1";
  setTimeout(() => note.remove(), 7000);
}

function setUp(root) {
  refreshTimes(root);
  for (const note of root.querySelectorAll("[data-toast]")) arm(note);
  for (const input of root.querySelectorAll("[data-must-equal]")) checkTyped(input);
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const copier = target.closest("[data-copy]");
  if (copier) copy(copier);
  const opener = target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
  if (target.matches("dialog.confirm")) target.close(); // a click on the backdrop
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-must-equal]")) checkTyped(event.target);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form?.requestSubmit();
});

// One submit per form: a second click must not send a second order.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog" || event.submitter?.formMethod === "dialog") return;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  if (form.method !== "post") return;
  form.dataset.sending = "1";
  event.submitter?.classList.add("is-sending");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
  for (const button of document.querySelectorAll(".is-sending")) button.classList.remove("is-sending");
});

let inFlight = 0;
const progress = document.getElementById("progress");
const showProgress = (step) => {
  inFlight = Math.max(0, inFlight + step);
  progress?.classList.toggle("is-busy", inFlight > 0);
};
document.addEventListener("htmx:beforeRequest", () => showProgress(1));
document.addEventListener("htmx:afterRequest", () => showProgress(-1));
document.addEventListener("htmx:load", (event) => setUp(event.detail.elt));
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401 || status === 403) toast("You are not allowed to do this, or you have been signed out.", "error");
  else if (status >= 500) toast("The server could not answer. Try again in a moment.", "error");
});

setUp(document);
setInterval(refreshTimes, 15000, document);
