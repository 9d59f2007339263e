// The server's alerts -> callbacks: the list once, then the live feed; resumed where it was, whatever breaks.

import { ask } from "./ask.js";

const SILENT_MS = 25_000; // the server pings every 10 s
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

export class Link {
  /** on.alert(alert, live): whether it was not held; on.state("wait" | "live" | "lost" | "redis", reason);
   *  on.listed(): a page of the list is through; on.worker({runs, heard}) */
  constructor(on) {
    this.on = on;
    this.last = null; // position in the feed
    this.next = null; // from which place of the list on older ones are kept; null = all are loaded
    this.tries = 0;
    this.turn = 0; // of the newest start: one that it overtook does nothing more
    this.heard = performance.now();
    setInterval(() => this.watch(), 2_500);
    addEventListener("online", () => this.again(0));
    this.start();
  }

  async page(skip = 0) {
    const { alerts, next, position } = await ask(`/api/alerts?limit=200&skip=${skip}&replaced=true`);
    const fresh = alerts.filter((alert) => this.on.alert(alert, false)).length;
    this.next = next;
    this.on.listed();
    return { fresh, position };
  }

  /** The next page that holds an alert not held yet: live ones push the list down. */
  async older() {
    for (let fresh = 0; this.next && !fresh;) ({ fresh } = await this.page(this.next));
  }

  /** Whether a worker runs; asked at each ping, as silence about it would read as yes. */
  async worker() {
    const heard = await ask("/api/worker").catch(() => null);
    if (heard) this.on.worker(heard);
  }

  async start() {
    clearTimeout(this.timer);
    this.source?.close();
    this.heard = performance.now();
    const turn = ++this.turn;
    try {
      this.last ??= (await this.page()).position;
    } catch (error) {
      if (turn !== this.turn) return;
      this.on.state("lost", error.message);
      return this.again();
    }
    if (turn === this.turn) this.listen();
  }

  listen() {
    const source = new EventSource(`/api/stream?after=${encodeURIComponent(this.last)}`);
    this.source = source;
    const hear = (name, act) =>
      source.addEventListener(name, (event) => {
        this.heard = performance.now();
        act(event);
      });
    hear("open", () => {
      this.tries = 0;
      this.on.state("live");
      this.worker();
    });
    hear("alert", (event) => {
      this.last = event.lastEventId;
      this.on.alert(JSON.parse(event.data), true);
    });
    hear("ping", () => this.worker());
    hear("lost", (event) => this.on.state("redis", event.data));
    hear("back", () => {
      this.on.state("live");
      this.worker();
    });
    hear("cut", () => {
      this.last = null; // the list anew
      this.start();
    });
    source.addEventListener("error", () => {
      this.on.state("lost");
      if (source.readyState === EventSource.CLOSED) this.again();
    });
  }

  again(wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), wait);
  }

  watch() {
    if (performance.now() - this.heard < SILENT_MS) return;
    this.on.state("lost");
    this.heard = performance.now();
    this.again(0);
  }
}
