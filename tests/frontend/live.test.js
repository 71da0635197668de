import assert from "node:assert/strict";
import { test } from "node:test";

import {
  GIVE_UP_AFTER_MS, LiveConnection, PING_EVERY_MS, RowStore, STALE_AFTER_MS, backoffMs,
} from "../../config/assets/js/live.js";

const queue = (id, seq, waiting) => ({ id, kind: "queue", seq, waiting });
const snapshot = (n, rows, epoch = "e1") => ({ type: "snapshot", topic: "board", version: [epoch, n], rows });
const delta = (n, rows, gone = [], epoch = "e1") => ({ type: "delta", topic: "board", version: [epoch, n], rows, gone });

/** Time, sockets and chance that the test moves. */
class World {
  constructor() {
    this.now = 0;
    this.timers = [];
    this.sockets = [];
    this.environment = {
      open: (url) => {
        const socket = { url, sent: [], closed: false, send: (text) => socket.sent.push(JSON.parse(text)), close: () => { socket.closed = true; } };
        this.sockets.push(socket);
        return socket;
      },
      later: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.timers.push(timer);
        return timer;
      },
      cancel: (timer) => { this.timers = this.timers.filter((other) => other !== timer); },
      random: () => 1,
    };
  }

  pass(ms) {
    const until = this.now + ms;
    for (;;) {
      const [next] = this.timers.filter((timer) => timer.at <= until).sort((one, other) => one.at - other.at);
      if (!next) break;
      this.environment.cancel(next);
      this.now = next.at;
      next.run();
    }
    this.now = until;
  }

  get socket() { return this.sockets.at(-1); }
  say(message) { this.socket.onmessage({ data: JSON.stringify(message) }); }
}

function connected() {
  const world = new World();
  const seen = { states: [], changes: [], errors: [], observed: [], resets: 0 };
  const connection = new LiveConnection({
    url: "ws://here/ws/v1/live/",
    topics: ["board"],
    clock: { observe: (iso) => seen.observed.push(iso), reset: () => { seen.resets += 1; } },
    onChange: (topic, store) => seen.changes.push([topic, store.ofKind("queue").map((row) => row.waiting)]),
    onState: (state) => seen.states.push(state),
    onError: (error) => seen.errors.push(error.code),
    environment: world.environment,
  });
  connection.start();
  world.socket.onopen({});
  return { world, seen, connection };
}

test("a snapshot replaces every row", () => {
  const store = new RowStore();
  store.takeSnapshot(snapshot(3, [queue("a", 1, 4), queue("b", 1, 5)]));
  store.takeSnapshot(snapshot(9, [queue("b", 2, 6)]));
  assert.deepEqual(store.ofKind("queue"), [queue("b", 2, 6)]);
  assert.deepEqual(store.version, ["e1", 9]);
});

test("snapshot and deltas give what a fresh snapshot gives", () => {
  const store = new RowStore();
  store.takeSnapshot(snapshot(3, [queue("a", 1, 4), queue("b", 1, 5)]));
  assert.equal(store.takeDelta(delta(4, [queue("c", 1, 7)], ["a"])), "applied");
  assert.equal(store.takeDelta(delta(5, [queue("b", 2, 6)])), "applied");
  const fresh = new RowStore();
  fresh.takeSnapshot(snapshot(5, [queue("b", 2, 6), queue("c", 1, 7)]));
  assert.deepEqual(store.rows, fresh.rows);
  assert.deepEqual(store.version, fresh.version);
});

test("a delta that is already contained changes nothing", () => {
  const store = new RowStore();
  store.takeSnapshot(snapshot(3, [queue("a", 5, 4)]));
  assert.equal(store.takeDelta(delta(3, [queue("a", 4, 9)])), "old");
  assert.deepEqual(store.ofKind("queue"), [queue("a", 5, 4)]);
});

test("a missed delta, another epoch and no snapshot yet are gaps", () => {
  const store = new RowStore();
  assert.equal(store.takeDelta(delta(1, [])), "gap");
  store.takeSnapshot(snapshot(3, [queue("a", 1, 4)]));
  assert.equal(store.takeDelta(delta(5, [queue("a", 2, 9)])), "gap");
  assert.equal(store.takeDelta(delta(4, [queue("a", 2, 9)], [], "e2")), "gap");
  assert.deepEqual(store.ofKind("queue"), [queue("a", 1, 4)]);
});

test("an older row never replaces a newer one", () => {
  const store = new RowStore();
  store.takeSnapshot(snapshot(3, [queue("a", 7, 4)]));
  store.takeDelta(delta(4, [queue("a", 6, 9)]));
  assert.deepEqual(store.ofKind("queue"), [queue("a", 7, 4)]);
});

test("it subscribes, is live with the snapshot, and takes the server's time", () => {
  const { world, seen } = connected();
  assert.deepEqual(world.socket.sent, [{ op: "subscribe", topic: "board" }]);
  assert.deepEqual(seen.states, ["connecting"]);
  world.say({ ...snapshot(1, [queue("a", 1, 2)]), now: "2026-11-22T10:00:00Z" });
  assert.deepEqual(seen.states, ["connecting", "live"]);
  assert.deepEqual(seen.changes, [["board", [2]]]);
  assert.deepEqual(seen.observed, ["2026-11-22T10:00:00Z"]);
});

test("after a gap it asks again once and shows nothing half-true", () => {
  const { world, seen } = connected();
  world.say(snapshot(1, [queue("a", 1, 2)]));
  world.say(delta(3, [queue("a", 3, 8)]));
  world.say(delta(4, [queue("a", 4, 9)]));
  assert.deepEqual(world.socket.sent.filter((message) => message.op === "resync"), [{ op: "resync", topic: "board" }]);
  assert.deepEqual(seen.changes, [["board", [2]]]);
  world.say(snapshot(4, [queue("a", 4, 9)]));
  assert.deepEqual(seen.changes.at(-1), ["board", [9]]);
});

test("a snapshot that never comes is asked for again, and the page says it is behind", () => {
  const { world, seen } = connected();
  world.say(snapshot(1, []));
  world.say(delta(3, []));
  world.pass(PING_EVERY_MS);
  assert.equal(seen.states.at(-1), "stale");
  assert.equal(world.socket.sent.filter((message) => message.op === "resync").length, 2);
});

test("it pings, and a quiet but answering server stays live", () => {
  const { world, seen } = connected();
  world.say(snapshot(1, []));
  for (let round = 0; round < 6; round += 1) {
    world.pass(PING_EVERY_MS);
    assert.deepEqual(world.socket.sent.at(-1), { op: "ping" });
    world.say({ type: "pong" });
  }
  assert.deepEqual(seen.states, ["connecting", "live"]);
  assert.equal(world.sockets.length, 1);
});

test("silence makes it stale, then it leaves the socket and tries a new one", () => {
  const { world, seen } = connected();
  world.say(snapshot(1, []));
  const first = world.socket;
  world.pass(STALE_AFTER_MS - 1);
  assert.equal(seen.states.at(-1), "live");
  world.pass(1);
  assert.equal(seen.states.at(-1), "stale");
  world.pass(GIVE_UP_AFTER_MS - STALE_AFTER_MS);
  assert.equal(seen.states.at(-1), "offline");
  assert.ok(first.closed);
  world.pass(500);
  assert.equal(world.sockets.length, 2);
});

test("a message of a socket that was left is not heard", () => {
  const { world, seen } = connected();
  world.say(snapshot(1, [queue("a", 1, 2)]));
  const first = world.socket;
  first.onclose({ code: 1006 });
  world.pass(500);
  first.onmessage({ data: JSON.stringify(delta(2, [queue("a", 2, 99)])) });
  assert.deepEqual(seen.changes, [["board", [2]]]);
});

test("it reconnects later and later, and quickly again after a success", () => {
  const { world } = connected();
  for (const wait of [500, 1000, 2000, 4000]) {
    const before = world.sockets.length;
    world.socket.onclose({ code: 1006 });
    world.pass(wait - 1);
    assert.equal(world.sockets.length, before);
    world.pass(1);
    assert.equal(world.sockets.length, before + 1);
  }
  world.socket.onopen({});
  world.say(snapshot(1, []));
  world.socket.onclose({ code: 1006 });
  world.pass(500);
  assert.equal(world.sockets.length, 6);
});

test("the network's return cuts the wait short", () => {
  const { world, connection } = connected();
  world.socket.onclose({ code: 1006 });
  connection.hurry();
  connection.hurry();
  world.pass(500);
  assert.equal(world.sockets.length, 2);
});

test("signed out, it stays away", () => {
  const { world, seen } = connected();
  world.socket.onclose({ code: 4401 });
  world.pass(600_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(seen.states.at(-1), "signed-out");
});

test("the server's errors are told", () => {
  const { world, seen } = connected();
  world.say({ type: "error", topic: "board", code: "forbidden", message: "Not yours." });
  assert.deepEqual(seen.errors, ["forbidden"]);
});

test("the backoff doubles to a limit and is spread by chance", () => {
  assert.deepEqual([0, 1, 2, 9].map((attempt) => backoffMs(attempt, () => 1)), [500, 1000, 2000, 15_000]);
  assert.equal(backoffMs(1, () => 0), 500);
});
