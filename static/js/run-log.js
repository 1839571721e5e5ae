/* The live log of a run: goes on from the last line the page came with, over the socket or by polling.
 *
 * Every line carries its seq. Lines that are already there are dropped, a gap is closed by reading it again from the
 * server, so whatever happens to the connection each line is shown once and in order. */

const LONGEST_WAIT = 15000; // ms between attempts to connect
const POLL_EVERY = 2000; // ms, only without a socket
const STOP_POLLING = 286;
const NO_SUCH_RUN = 4404;
const SIGNED_OUT = 4401;

function start(box) {
  const list = box.querySelector("[data-log]");
  const view = new View(box, list);
  const log = new Log(list, view);
  if (box.hasAttribute("data-ended")) return;
  new Feed(box, log, view).connect();
  setInterval(tickClocks, 1000);
}

/** The lines: takes fragments, keeps them in order, knows the last seq. */
class Log {
  constructor(list, view) {
    this.list = list;
    this.view = view;
    this.last = Number(list.lastElementChild?.dataset.seq ?? 0);
    this.hasEnded = false;
  }

  /** Take a message's fragments. Returns false when a line is missing before one of them. */
  take(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = document.createDocumentFragment();
    for (const part of [...holder.content.children]) {
      if (part.dataset.seq) {
        const seq = Number(part.dataset.seq);
        if (seq <= this.last) continue;
        if (seq > this.last + 1) {
          this.add(fresh);
          return false;
        }
        this.last = seq;
        fresh.append(part);
      } else if (part.matches("template[data-run-end]")) {
        this.hasEnded = true;
      } else if (part.id) {
        document.getElementById(part.id)?.replaceWith(part);
      }
    }
    this.add(fresh);
    return true;
  }

  add(fresh) {
    if (!fresh.childElementCount) return;
    const lines = [...fresh.children];
    this.list.append(fresh);
    this.view.added(lines);
  }
}

/** Where lines come from: a socket that comes back from the last seq, else polling. */
class Feed {
  constructor(box, log, view) {
    this.ws = box.dataset.ws;
    this.poll = box.dataset.poll;
    this.log = log;
    this.view = view;
    this.wait = 300;
    this.failures = 0;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.ws}?format=html&after=${this.log.last}`);
    socket.addEventListener("open", () => {
      this.view.link("live");
      this.failures = 0;
      this.wait = 300;
    });
    socket.addEventListener("message", (event) => {
      if (!this.log.take(event.data)) socket.close(); // a gap: come back from the last line that is there
    });
    socket.addEventListener("close", (event) => this.closed(event));
  }

  closed(event) {
    if (this.log.hasEnded) return this.end();
    if (event.code === NO_SUCH_RUN || event.code === SIGNED_OUT) return this.view.link("gone");
    this.failures += 1;
    this.view.link("lost");
    setTimeout(() => this.again(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    return undefined;
  }

  async again() {
    if (this.failures > 2 && (await this.pollOnce())) return;
    this.connect();
  }

  /** Read on over HTTP until the socket may be tried again; true at the end of the run. */
  async pollOnce() {
    const until = Date.now() + 5 * POLL_EVERY;
    while (Date.now() < until) {
      try {
        const answer = await fetch(`${this.poll}?after=${this.log.last}`, { headers: { "HX-Request": "true" } });
        if (answer.ok) {
          this.log.take(await answer.text());
          this.view.link("polling");
        }
        if (answer.status === STOP_POLLING) {
          this.end();
          return true;
        }
      } catch {
        this.view.link("lost");
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_EVERY));
    }
    return false;
  }

  end() {
    this.view.link("");
    for (const part of document.querySelectorAll("[data-while-running]")) part.hidden = true;
    if (document.querySelector("#run-summary[data-can-retry]")) {
      for (const part of document.querySelectorAll("[data-when-failed]")) part.hidden = false;
    }
    document.querySelector("dialog#cancel-run[open]")?.close();
    this.view.ended();
    document.body.dispatchEvent(new CustomEvent("balance-changed"));
  }
}

const LINKS = {
  live: "Live",
  polling: "Live, without a socket",
  lost: "Connection lost, trying again",
  gone: "Reload the page to go on",
  "": "",
};

/** What the reader sees and does: pause, follow, search, jump to the first error. */
class View {
  constructor(box, list) {
    this.box = box;
    this.list = list;
    this.isPaused = false;
    this.follows = true;
    this.part = (name) => box.querySelector(`[data-log-${name}]`);
    this.part("pause").addEventListener("click", () => this.pause(!this.isPaused));
    this.part("follow").addEventListener("click", () => this.follow(!this.follows));
    this.part("error").addEventListener("click", () => this.toFirstError());
    this.part("search").addEventListener("input", () => this.search());
    list.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.showErrorButton();
    this.toEnd();
  }

  link(state) {
    this.part("link").textContent = LINKS[state];
    this.part("link").dataset.state = state;
  }

  added(lines) {
    this.part("empty").hidden = true;
    if (this.isPaused) for (const line of lines) line.classList.add("is-held");
    else this.search(lines);
    this.showErrorButton();
    if (this.isPaused) this.label("pause", `Resume (${this.list.querySelectorAll(".is-held").length})`);
    else if (this.follows) this.toEnd();
  }

  ended() {
    if (this.isPaused) this.pause(false);
    if (!this.list.childElementCount) this.part("empty").textContent = "This run ended before it wrote anything.";
  }

  pause(on) {
    this.isPaused = on;
    this.part("pause").setAttribute("aria-pressed", String(on));
    this.label("pause", on ? "Resume" : "Pause");
    if (on) return;
    for (const line of this.list.querySelectorAll(".is-held")) line.classList.remove("is-held");
    this.search();
    if (this.follows) this.toEnd();
  }

  follow(on) {
    this.follows = on;
    this.part("follow").setAttribute("aria-pressed", String(on));
    if (on) this.toEnd();
  }

  /** Reading further up stops following; coming back to the end goes on. */
  scrolled() {
    const left = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight;
    if (left > 40 && this.follows && !this.isJumping) this.follow(false);
    else if (left < 4 && !this.follows) this.follow(true);
  }

  toEnd() {
    this.isJumping = true;
    this.list.scrollTop = this.list.scrollHeight;
    requestAnimationFrame(() => {
      this.isJumping = false;
    });
  }

  search(lines = [...this.list.children]) {
    const wanted = this.part("search").value.trim().toLowerCase();
    for (const line of lines) line.hidden = wanted !== "" && !line.textContent.toLowerCase().includes(wanted);
    const shown = this.list.querySelectorAll(".log-line:not([hidden])").length;
    this.part("found").textContent = wanted ? `${shown} of ${this.list.childElementCount}` : "";
  }

  showErrorButton() {
    this.part("error").hidden = !this.list.querySelector('[data-level="error"]');
  }

  toFirstError() {
    const line = this.list.querySelector('[data-level="error"]');
    if (!line) return;
    this.follow(false);
    this.part("search").value = "";
    this.search();
    line.scrollIntoView({ block: "center" });
    line.classList.add("is-found");
    line.tabIndex = -1;
    line.focus({ preventScroll: true });
  }

  label(name, text) {
    this.part(name).querySelector("span").textContent = text;
  }
}

/** Clocks count on between two messages. */
function tickClocks() {
  for (const clock of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(clock.dataset.since)) / 1000));
    const minutes = Math.floor(seconds / 60);
    const text = minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
    if (clock.textContent !== text) clock.textContent = text;
  }
}

const box = document.querySelector("[data-run-log]");
if (box) start(box);
