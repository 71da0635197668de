// What the pages with a live connection share: data from the template, the live sign, messages, the clock's tick.

import { LiveConnection } from "./live.js";
import { ServerClock } from "./clock.js";

/** The JSON that the template put into the page under an id (Django's `json_script`). */
export function pageData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** Opens the page's live connection and keeps its sign (#live-sign) true. */
export function connect({ topics, clock, onChange, onError }) {
  const sign = document.getElementById("live-sign");
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const connection = new LiveConnection({
    url: `${scheme}//${window.location.host}${sign.dataset.url}`,
    topics,
    clock,
    onChange,
    onError,
    onState: (state) => {
      sign.dataset.state = state;
      document.body.dataset.live = state;
    },
  });
  window.addEventListener("online", () => connection.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connection.hurry();
  });
  connection.start();
  return connection;
}

/** Calls `tick` with the server's time at each full second of it, so that all timers of a page move together. */
export function everySecond(clock, tick) {
  const step = () => {
    const now = clock.now();
    tick(now);
    setTimeout(step, 1000 - (now % 1000));
  };
  step();
}

/** Messages to the user, newest last; those of trouble stay until they are dismissed. */
export function toasts() {
  return {
    toasts: [],
    nextToast: 1,
    say(tone, title, detail = "") {
      const id = this.nextToast;
      this.nextToast += 1;
      this.toasts = [...this.toasts.slice(-3), { id, tone, title, detail }];
      if (tone !== "danger") setTimeout(() => this.dismiss(id), 6000);
    },
    dismiss(id) {
      this.toasts = this.toasts.filter((toast) => toast.id !== id);
    },
  };
}

export { ServerClock };
