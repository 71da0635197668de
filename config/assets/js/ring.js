// A soft two-tone ring while an offer waits, for those who asked for it.

const KEY = "hotseat.ring";
const EVERY_MS = 2500;

export class Ring {
  constructor() {
    this.on = window.localStorage.getItem(KEY) === "on";
    this.audio = null;
    this.timer = null;
  }

  /** Called from a click: browsers start sound only after one. */
  switch(on) {
    this.on = on;
    window.localStorage.setItem(KEY, on ? "on" : "off");
    if (on) this.#open();
    if (!on) this.stop();
  }

  start() {
    if (!this.on || this.timer !== null) return;
    this.#open();
    this.#chime();
    this.timer = setInterval(() => this.#chime(), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
  }

  #open() {
    this.audio ??= new AudioContext();
    if (this.audio.state === "suspended") this.audio.resume();
  }

  #chime() {
    for (const [delay, hertz] of [[0, 660], [0.22, 880]]) {
      const start = this.audio.currentTime + delay;
      const tone = this.audio.createOscillator();
      const volume = this.audio.createGain();
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(0.18, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(start);
      tone.stop(start + 0.22);
    }
  }
}
