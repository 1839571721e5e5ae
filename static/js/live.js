/* Live statuses: the organization's socket, or a look every few seconds while there is none.
 *
 * A status fragment replaces the one with its id. Two events on <body> let htmx refetch larger parts:
 * "resources-changed" after any change, "resource-appeared" when a resource is not on the page yet. */

const POLL_EVERY = 5000; // ms, only without a socket
const LONGEST_WAIT = 30000;

let socket = null;
let wait = 500;

function tell(name) {
  document.body.dispatchEvent(new CustomEvent(name));
}

function take(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  for (const fresh of [...holder.content.children]) {
    const old = fresh.id && document.getElementById(fresh.id);
    if (!old) tell("resource-appeared");
    else if (old.textContent !== fresh.textContent) old.replaceWith(fresh);
  }
  tell("resources-changed");
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/organization?format=html`);
  socket.addEventListener("open", () => {
    wait = 500;
  });
  socket.addEventListener("message", (event) => take(event.data));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === 4401) return; // signed out: nothing more to see
    setTimeout(connect, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  });
}

connect();
setInterval(() => {
  if (socket?.readyState === WebSocket.OPEN || document.hidden) return;
  tell("resources-changed");
  tell("resource-appeared");
}, POLL_EVERY);
