// The server's time, as seen from this page.
//
// A workstation's clock can be minutes off, so every timer is drawn from the server's time. Each message
// that carries it is a sample "server − local", low by the time that it was under way; the highest of the last
// few samples is therefore the best. Local time is monotonic: setting the workstation's clock changes nothing.

const KEPT_SAMPLES = 8;

export class ServerClock {
  /** @param {() => number} local monotonic local time in milliseconds */
  constructor(local = () => performance.timeOrigin + performance.now()) {
    this.local = local;
    this.samples = [];
  }

  /** Takes a sample. @param {string} iso the server's time, ISO 8601 with offset */
  observe(iso) {
    const server = Date.parse(iso);
    if (Number.isNaN(server)) return;
    this.samples.push(server - this.local());
    if (this.samples.length > KEPT_SAMPLES) this.samples.shift();
  }

  /** Forgets earlier samples: a new connection may be to another server, or follow a long sleep. */
  reset() {
    this.samples = [];
  }

  /** The server's time now, in milliseconds since 1970. */
  now() {
    return this.local() + (this.samples.length ? Math.max(...this.samples) : 0);
  }
}
