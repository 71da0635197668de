// Single-key shortcuts. They can be switched off (WCAG 2.1.4) and never act while something is being typed.

const KEY = "hotseat.keys";

export const DESK_KEYS = { "?": "help", r: "ready", n: "not-ready", a: "accept", x: "reject", e: "escalate", t: "transfer" };

/** Whether a key press belongs to what has the focus, not to the page. */
function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog[open]") !== null;
}

/**
 * @param {Record<string, string>} keys action by key
 * @param {(action: string) => void} run
 */
export function listenForKeys(keys, run) {
  const setting = {
    on: window.localStorage.getItem(KEY) !== "off",
    switch(on) {
      setting.on = on;
      window.localStorage.setItem(KEY, on ? "on" : "off");
    },
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!setting.on || !action || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    event.preventDefault();
    run(action);
  });
  return setting;
}
