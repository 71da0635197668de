import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, newKey, post } from "../../config/assets/js/api.js";

const answer = (status, body, type = "application/json") =>
  new Response(body === null ? null : JSON.stringify(body), { status, headers: { "content-type": type } });

/** A server that gives the listed answers one after the other; an Error stands for a network that fails. */
function server(...answers) {
  const requests = [];
  const waits = [];
  const fetch = async (path, request) => {
    requests.push({ path, ...request });
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  return { requests, waits, options: { csrfToken: "token", fetch, wait: async (ms) => { waits.push(ms); } } };
}

test("it posts JSON with the token and a key", async () => {
  const { requests, options } = server(answer(200, { state: "ready" }));
  assert.deepEqual(await post("/api/v1/agent-session/ready/", { a: 1 }, options), { state: "ready" });
  const [request] = requests;
  assert.equal(request.body, '{"a":1}');
  assert.equal(request.headers["X-CSRFToken"], "token");
  assert.match(request.headers["Idempotency-Key"], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("an answer without a body is null", async () => {
  const { options } = server(answer(204, null));
  assert.equal(await post("/x/", {}, options), null);
});

test("a failing network is tried again under the same key", async () => {
  const { requests, waits, options } = server(new TypeError("down"), answer(503, null), answer(200, {}));
  await post("/x/", {}, options);
  assert.equal(requests.length, 3);
  assert.equal(new Set(requests.map((request) => request.headers["Idempotency-Key"])).size, 1);
  assert.deepEqual(waits, [400, 1200]);
});

test("a network that stays away is a problem of its own", async () => {
  const { requests, options } = server(new TypeError("1"), new TypeError("2"), new TypeError("3"));
  await assert.rejects(post("/x/", {}, options), (error) => error instanceof Problem && error.status === 0 && error.code === "unreachable");
  assert.equal(requests.length, 3);
});

test("a refusal is told in the server's words and not repeated", async () => {
  const body = { code: "station-taken", title: "Station taken", detail: "Li Na sits there." };
  const { requests, options } = server(answer(409, body, "application/problem+json"));
  await assert.rejects(post("/x/", {}, options), (error) =>
    error.status === 409 && error.title === "Station taken" && error.detail === "Li Na sits there." && error.code === "station-taken");
  assert.equal(requests.length, 1);
});

test("keys differ", () => {
  assert.equal(new Set(Array.from({ length: 100 }, newKey)).size, 100);
});
