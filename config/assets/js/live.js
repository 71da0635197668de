// The one live connection of a page: topics of rows, kept by a snapshot and versioned deltas.
//
// Protocol (WebSocket, JSON):
//   client → {op: "subscribe" | "resync", topic} · {op: "ping"}
//   server → {type: "snapshot", topic, version: [epoch, n], now, rows} · {type: "delta", topic, version, rows, gone}
//            {type: "error", topic, code, message} · {type: "pong", now?}
// A row is always whole, {id, kind, seq, …}. A delta is taken only if it follows the version that is held; after a
// gap the topic is asked for again and shown as it was until the new snapshot is there.

export const PING_EVERY_MS = 10_000;
export const STALE_AFTER_MS = 15_000;
export const GIVE_UP_AFTER_MS = 30_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_LAST_MS = 15_000;
const CLOSE_SIGNED_OUT = 4401;
const CLOSE_FORBIDDEN = 4403;

/** The rows of one topic. */
export class RowStore {
  constructor() {
    this.version = null;
    this.rows = new Map();
  }

  /** Replaces everything. */
  takeSnapshot({ version, rows }) {
    this.version = version;
    this.rows = new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Applies a delta that follows what is held.
   * @returns {"applied" | "old" | "gap"} "old": already contained; "gap": ask for a snapshot
   */
  takeDelta({ version: [epoch, n], rows = [], gone = [] }) {
    if (this.version === null || this.version[0] !== epoch) return "gap";
    if (n <= this.version[1]) return "old";
    if (n !== this.version[1] + 1) return "gap";
    this.version = [epoch, n];
    for (const row of rows) {
      const held = this.rows.get(row.id);
      if (!held || !(row.seq < held.seq)) this.rows.set(row.id, row);
    }
    for (const id of gone) this.rows.delete(id);
    return "applied";
  }

  /** All rows of a kind, in the order in which they came. */
  ofKind(kind) {
    return [...this.rows.values()].filter((row) => row.kind === kind);
  }
}

/** How long to wait before the next try: doubling, with jitter so that a thousand desks do not return at once. */
export function backoffMs(attempt, random) {
  const ceiling = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** attempt);
  return Math.round(ceiling * (0.5 + 0.5 * random()));
}

const browser = {
  open: (url) => new WebSocket(url),
  later: (ms, run) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/** Keeps topics subscribed for as long as the page lives. */
export class LiveConnection {
  /**
   * @param {object} options
   * @param {string} options.url the socket's address
   * @param {string[]} options.topics
   * @param {{observe: (iso: string) => void, reset: () => void}} options.clock
   * @param {(topic: string, store: RowStore) => void} options.onChange after a snapshot or delta
   * @param {(state: "connecting" | "live" | "stale" | "offline" | "signed-out") => void} options.onState
   * @param {(error: {topic: string, code: string, message: string}) => void} options.onError
   */
  constructor({ url, topics, clock, onChange, onState, onError, environment = browser }) {
    Object.assign(this, { url, topics, clock, onChange, onState, onError, environment });
    this.stores = new Map(topics.map((topic) => [topic, new RowStore()]));
    this.awaiting = new Set(); // topics whose snapshot has been asked for
    this.state = null;
    this.attempt = 0;
    this.socket = null;
    this.timers = {};
  }

  start() {
    this.#set("connecting");
    this.#connect();
  }

  /** Tries at once instead of waiting out the backoff: the browser says that the network is back. */
  hurry() {
    if (this.socket === null && this.state === "offline") this.#connect();
  }

  stop() {
    for (const name of Object.keys(this.timers)) this.#disarm(name);
    this.#drop();
  }

  #connect() {
    this.#disarm("retry");
    const socket = this.environment.open(this.url);
    this.socket = socket;
    const mine = (handle) => (event) => {
      if (this.socket === socket) handle(event);
    };
    socket.onopen = mine(() => this.#opened());
    socket.onmessage = mine((event) => this.#receive(JSON.parse(event.data)));
    socket.onclose = mine((event) => this.#closed(event.code));
    this.#arm("giveUp", GIVE_UP_AFTER_MS, () => this.#abandon());
  }

  #opened() {
    this.clock.reset();
    this.awaiting = new Set(this.topics);
    for (const topic of this.topics) this.#send({ op: "subscribe", topic });
    this.#heard();
    this.#ping();
  }

  #ping() {
    this.#arm("ping", PING_EVERY_MS, () => {
      this.#send({ op: "ping" });
      this.#askAgain();
      this.#ping();
    });
  }

  /** A snapshot that was asked for and has not come is asked for again, and the page says that it is behind. */
  #askAgain() {
    if (this.awaiting.size > 0) this.#set("stale");
    for (const topic of this.awaiting) this.#send({ op: "resync", topic });
  }

  #heard() {
    this.#arm("stale", STALE_AFTER_MS, () => this.#set("stale"));
    this.#arm("giveUp", GIVE_UP_AFTER_MS, () => this.#abandon());
  }

  #receive(message) {
    this.#heard();
    if (message.now) this.clock.observe(message.now);
    if (message.type === "snapshot") this.#snapshot(message);
    else if (message.type === "delta") this.#delta(message);
    else if (message.type === "error") this.onError(message);
    if (this.awaiting.size === 0) this.#set("live");
  }

  #snapshot(message) {
    const store = this.stores.get(message.topic);
    if (!store) return;
    store.takeSnapshot(message);
    this.awaiting.delete(message.topic);
    this.attempt = 0;
    this.onChange(message.topic, store);
  }

  #delta(message) {
    const store = this.stores.get(message.topic);
    if (!store || this.awaiting.has(message.topic)) return; // the snapshot on its way contains it or is followed by it
    const outcome = store.takeDelta(message);
    if (outcome === "applied") this.onChange(message.topic, store);
    if (outcome === "gap") {
      this.awaiting.add(message.topic);
      this.#send({ op: "resync", topic: message.topic });
    }
  }

  #closed(code) {
    this.#drop();
    if (code === CLOSE_SIGNED_OUT || code === CLOSE_FORBIDDEN) {
      this.#set("signed-out");
      return;
    }
    this.#set("offline");
    const wait = backoffMs(this.attempt, this.environment.random);
    this.attempt += 1;
    this.#arm("retry", wait, () => this.#connect());
  }

  /** Leaves a socket that has been silent too long; a dead network may never report its close. */
  #abandon() {
    this.#closed(undefined);
  }

  #drop() {
    for (const name of ["ping", "stale", "giveUp"]) this.#disarm(name);
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }

  #arm(name, ms, run) {
    this.#disarm(name);
    this.timers[name] = this.environment.later(ms, run);
  }

  #disarm(name) {
    if (this.timers[name] !== undefined) this.environment.cancel(this.timers[name]);
    delete this.timers[name];
  }
}
