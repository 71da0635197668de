// Calls of the API from a page: JSON, CSRF token, one idempotency key for each thing the user does.

const RETRY_AFTER_MS = [400, 1200];
const RETRIED_STATUSES = new Set([502, 503, 504]);

/** An answer of the API that says no (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  constructor({ status, title, detail, code }) {
    super(detail || title);
    Object.assign(this, { status, title, detail, code });
  }
}

/** A random UUID; `crypto.randomUUID` exists only on https and localhost, a call centre may use neither. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function problemOf(response) {
  const isJson = (response.headers.get("content-type") || "").includes("json");
  const body = isJson ? await response.json() : {};
  return new Problem({
    status: response.status,
    title: body.title || response.statusText,
    detail: typeof body.detail === "string" ? body.detail : "",
    code: body.code,
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Posts JSON and returns the answer's body, null when it has none. When the network or a proxy fails, the same request goes
 * out again under the same Idempotency-Key, so that it takes effect once.
 *
 * @param {string} path
 * @param {object} body
 * @param {{csrfToken: string, key?: string, fetch?: typeof fetch, wait?: (ms: number) => Promise<void>}} options
 * @throws {Problem}
 */
export async function post(path, body, { csrfToken, key = newKey(), fetch = globalThis.fetch, wait = pause }) {
  const request = {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "Accept": "application/json, application/problem+json",
      "Content-Type": "application/json",
      "Idempotency-Key": key,
      "X-CSRFToken": csrfToken,
    },
    body: JSON.stringify(body),
  };
  for (let attempt = 0; ; attempt += 1) {
    const last = attempt === RETRY_AFTER_MS.length;
    let response;
    try {
      response = await fetch(path, request);
    } catch {
      if (last) throw new Problem({ status: 0, title: "", detail: "", code: "unreachable" });
    }
    if (response?.ok) return response.status === 204 ? null : response.json();
    if (response && (last || !RETRIED_STATUSES.has(response.status))) throw await problemOf(response);
    await wait(RETRY_AFTER_MS[attempt]);
  }
}

/**
 * Reads JSON.
 *
 * @param {string} path
 * @param {{fetch?: typeof fetch}} options
 * @throws {Problem}
 */
export async function read(path, { fetch = globalThis.fetch } = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json, application/problem+json" } });
  } catch {
    throw new Problem({ status: 0, title: "", detail: "", code: "unreachable" });
  }
  if (!response.ok) throw await problemOf(response);
  return response.json();
}
