import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../config/assets/js/clock.js";
import { duration, percent, secondsSince, secondsUntil } from "../../config/assets/js/format.js";
import { abandonedShare, serviceLevelTone, waitTone } from "../../config/assets/js/thresholds.js";

test("durations read as people write them", () => {
  assert.deepEqual([0, 9, 75, 3675, null].map(duration), ["0:00", "0:09", "1:15", "1:01:15", "–"]);
});

test("elapsed and remaining seconds never go below zero", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  assert.equal(secondsSince("2026-11-22T09:58:59.5Z", now), 60);
  assert.equal(secondsSince("2026-11-22T10:00:05Z", now), 0);
  assert.equal(secondsSince(null, now), 0);
  assert.equal(secondsUntil("2026-11-22T10:00:00.2Z", now), 1);
  assert.equal(secondsUntil("2026-11-22T09:00:00Z", now), 0);
});

test("a share is a whole percentage, or a dash when nothing is known", () => {
  assert.equal(percent(0.834, "en"), "83%");
  assert.equal(percent(null, "en"), "–");
});

test("the service level is judged at its limits", () => {
  const limits = { good: 0.8, fair: 0.6 };
  assert.deepEqual([0.8, 0.79, 0.6, 0.59, null].map((level) => serviceLevelTone(level, limits)), ["good", "fair", "fair", "bad", "none"]);
});

test("a wait is judged by the promise", () => {
  assert.deepEqual([15, 16, 30, 31, null].map((waited) => waitTone(waited, 15)), ["good", "fair", "fair", "bad", "none"]);
});

test("the abandoned share needs somebody who came", () => {
  assert.equal(abandonedShare({ answered: 3, abandoned: 1 }), 0.25);
  assert.equal(abandonedShare({ answered: 0, abandoned: 0 }), null);
});

test("the server's time is followed however wrong the workstation is", () => {
  let local = 1_000_000;
  const clock = new ServerClock(() => local);
  assert.equal(clock.now(), 1_000_000);
  clock.observe(new Date(5_000_000).toISOString());
  local += 10_000;
  assert.equal(clock.now(), 5_010_000);
});

test("of several samples the one with the shortest way counts", () => {
  const clock = new ServerClock(() => 1_000);
  clock.observe(new Date(4_500).toISOString());
  clock.observe(new Date(4_900).toISOString());
  clock.observe(new Date(4_100).toISOString());
  assert.equal(clock.now(), 4_900);
  clock.reset();
  assert.equal(clock.now(), 1_000);
});
