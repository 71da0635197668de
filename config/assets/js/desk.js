// The agent's desk: what the server says is shown, what the agent does is asked of the API. The server owns every state.

import Alpine from "@alpinejs/csp";

import "./app.js";
import { Problem, post, read } from "./api.js";
import { DESK_KEYS, listenForKeys } from "./keys.js";
import { dayAndTime, duration, secondsSince, secondsUntil, timeOfDay } from "./format.js";
import { ServerClock, connect, everySecond, pageData, toasts } from "./page.js";
import { Ring } from "./ring.js";

const SESSION = "/api/v1/agent-session/";
const WRAP_UP_WARNING_S = 15;
const OPEN_OFFERS = new Set(["offered", "accepted"]);
// Outside the component: Alpine wraps what is inside in proxies, which have no access to private members.
const ring = new Ring();
let keys = null;

const draftKey = (contact) => `hotseat.wrap-up.${contact.id}`;

const NOTHING_PASSED_ON = { contact: null, to: "", reason: "", note: "", escalates: false, refused: "" };

/** What is asked of the API to pass a contact on to what was chosen: "next", "return", or a kind and its codes. */
function wayOf({ contact, to, reason, note }) {
  const path = `/api/v1/contacts/${contact}/`;
  const [kind, ...codes] = to.split(" ");
  if (kind === "next") return [`${path}escalate/`, { reason, note }];
  if (kind === "return") return [`${path}return-to-queue/`, { reason, note }];
  const target = kind === "service" ? { tenant: codes[0], service: codes[1] } : { [kind]: codes[0] };
  return [`${path}transfer/`, { ...target, reason, note }];
}

function readDraft(contact) {
  return JSON.parse(window.sessionStorage.getItem(draftKey(contact)) ?? '{"disposition": "", "note": ""}');
}

const state = () => ({
  labels: pageData("desk-labels"),
  language: document.documentElement.lang,
  csrfToken: document.querySelector("meta[name=csrf-token]").content,
  loaded: false,
  now: Date.now(),
  session: null,
  offers: [],
  contacts: [],
  reasons: [],
  dispositions: [],
  busy: "",
  draftOf: null,
  draft: { disposition: "", note: "" },
  outcomes: {},
  passing: NOTHING_PASSED_ON,
  targets: { queues: [], agents: [], services: [] },
  ringOn: false,
  keysOn: true,
  title: document.title,
});

const live = {
  init() {
    const clock = new ServerClock();
    this.ringOn = ring.on;
    everySecond(clock, (now) => { this.now = now; });
    connect({
      topics: ["desk"],
      clock,
      onChange: (topic, store) => this.take(store),
      onError: (error) => this.say("danger", error.message),
    });
    keys = listenForKeys(DESK_KEYS, (action) => this.press(action));
    this.keysOn = keys.on;
  },

  take(store) {
    const offersBefore = new Set(this.offers.map((offer) => offer.id));
    this.session = store.ofKind("session")[0] ?? null;
    this.offers = store.ofKind("offer").filter((offer) => OPEN_OFFERS.has(offer.state));
    this.contacts = store.ofKind("contact");
    this.reasons = store.ofKind("reason");
    this.dispositions = store.ofKind("disposition");
    this.loaded = true;
    for (const { id } of this.works) this.outcomes[id] ??= { disposition: "", note: "" };
    this.takeDraft();
    this.announce(this.offers.filter((offer) => !offersBefore.has(offer.id)));
  },

  // A note half written survives a reload and a lost connection; it belongs to one contact.
  takeDraft() {
    const contact = this.wrapping;
    if (this.draftOf === (contact?.id ?? null)) return;
    this.draftOf = contact?.id ?? null;
    this.draft = contact ? readDraft(contact) : { disposition: "", note: "" };
  },
  keepDraft() {
    if (this.wrapping) window.sessionStorage.setItem(draftKey(this.wrapping), JSON.stringify(this.draft));
  },

  announce(newOffers) {
    if (this.ringing) ring.start();
    else ring.stop();
    document.title = this.ringing ? `● ${this.labels.incoming} · ${this.title}` : this.title;
    if (document.hidden && window.Notification?.permission === "granted") {
      for (const offer of newOffers) {
        new Notification(this.labels.incoming, { body: `${this.callerOf(offer)} · ${offer.queue}`, tag: offer.id });
      }
    }
  },

  async toggleRing() {
    this.ringOn = !this.ringOn;
    ring.switch(this.ringOn);
    if (this.ringOn && window.Notification?.permission === "default") await Notification.requestPermission();
    if (this.ringOn && this.ringing) ring.start();
  },
};

const view = {
  get offer() { return this.offers[0] ?? null; },
  get ringing() { return this.offers.some((offer) => offer.state === "offered"); },
  get active() { return this.contacts.find((contact) => !contact.ended_at && !contact.work) ?? null; },
  get works() { return this.contacts.filter((contact) => !contact.ended_at && contact.work); },
  get wrapping() {
    if (this.session?.state !== "wrap_up") return null;
    const ended = this.contacts.filter((contact) => contact.ended_at && contact.channel === "voice");
    return ended.sort((one, other) => Date.parse(other.ended_at) - Date.parse(one.ended_at))[0] ?? null;
  },
  get shownContacts() { return [this.active, this.wrapping].filter(Boolean); },
  get recent() {
    return this.contacts.filter((contact) => contact.ended_at && contact.id !== this.wrapping?.id);
  },
  get idle() { return !this.offer && !this.active && this.works.length === 0 && this.session && this.session.state !== "wrap_up"; },

  // "Ringing" and "talking" follow from what the agent holds; the session itself only knows ready and not ready.
  get shownState() {
    if (!this.session) return "loading";
    if (this.active) return "talking";
    if (this.offer) return "ringing";
    return this.session.state;
  },
  get stateLabel() { return this.labels.states[this.shownState]; },
  get stateTimer() {
    const since = this.active?.connected_at ?? this.offer?.offered_at ?? this.session?.since;
    return duration(secondsSince(since ?? null, this.now));
  },
  get reasonText() { return this.session?.state === "not_ready" ? (this.session.reason ?? "") : ""; },
  get nextState() { return this.labels.states[this.session?.next_state] ?? this.session?.next_state ?? ""; },
  get phoneOk() { return this.session?.phone_reachable === true; },

  nameOfAgent(agent) {
    const name = `${agent.number} · ${agent.name}`;
    return agent.free ? name : this.labels.agent_not_free.replace("{agent}", name);
  },
  callerOf(row) { return row.work?.subject || row.customer?.name || row.ani || this.labels.unknown_caller; },
  workOf(row) { return row.work ?? {}; },
  customerOf(row) { return row.customer ?? {}; },
  initialsOf(row) {
    const words = (row.customer?.name ?? "").trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return "?";
    return words.length === 1 ? words[0].slice(0, 1) : words[0].slice(0, 1) + words[words.length - 1].slice(0, 1);
  },
  languageOf(row) { return this.labels.languages[row.language] ?? row.language ?? ""; },
  leaseLeft(offer) { return secondsUntil(offer.lease_expires_at, this.now); },
  talked(contact) { return duration(secondsSince(contact.connected_at, this.now)); },
  took(contact) {
    return contact.connected_at ? duration((Date.parse(contact.ended_at) - Date.parse(contact.connected_at)) / 1000) : "–";
  },
  contactState(contact) {
    return contact.hold ? this.labels.on_hold : (this.labels.contact_states[contact.state] ?? contact.state);
  },
  when(iso) { return dayAndTime(iso, this.language); },
  clockTime(iso) { return timeOfDay(iso, this.language); },
  historyOf(contact) { return contact.history ?? []; },
  dots(proficiency) { return [1, 2, 3, 4, 5].map((step) => ({ step, on: step <= proficiency })); },
  proficiencyText(skill) { return this.labels.proficiency.replace("{level}", skill.proficiency); },

  get wrapUpLeft() { return this.session?.wrap_up_until ? secondsUntil(this.session.wrap_up_until, this.now) : null; },
  get wrapUpText() { return duration(this.wrapUpLeft); },
  get wrapUpTone() { return this.wrapUpLeft !== null && this.wrapUpLeft <= WRAP_UP_WARNING_S ? "bad" : "good"; },
};

const actions = {
  /** Asks the API; says what it answered when it refuses. @returns {Promise<boolean>} whether it was done */
  ask(name, path, body = {}) {
    return this.attempt(name, () => post(path, body, { csrfToken: this.csrfToken }), (...words) => this.say("danger", ...words));
  },
  /** Does one thing at a time; tells why it was refused. @returns {Promise<boolean>} whether it was done */
  async attempt(name, work, tell) {
    if (this.busy) return false;
    this.busy = name;
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 0) tell(this.labels.unreachable, this.labels.unreachable_detail);
      else tell(error.detail || error.title);
      return false;
    } finally {
      this.busy = "";
    }
  },

  ready() { return this.ask("ready", `${SESSION}ready/`); },
  notReady(reason) { return this.ask("not-ready", `${SESSION}not-ready/`, { reason: reason.id }); },
  accept(offer) { return this.ask("accept", `/api/v1/offers/${offer.id}/accept/`); },
  reject(offer) { return this.ask("reject", `/api/v1/offers/${offer.id}/reject/`, { reason: "agent" }); },
  hangUp(contact) { return this.ask("end", `/api/v1/contacts/${contact.id}/end/`); },
  extend() { return this.ask("extend", `${SESSION}wrap-up/extend/`); },

  async openTransfer(contact, to) {
    const asks = async () => { this.targets = await read(`${SESSION}transfer-targets/`); };
    if (!await this.attempt("targets", asks, (...words) => this.say("danger", ...words))) return;
    this.passing = { ...NOTHING_PASSED_ON, contact: contact.id, escalates: contact.escalates, to };
    this.$refs.transfer.showModal();
  },
  closeTransfer() { this.$refs.transfer.close(); },
  async passOn() {
    const [path, body] = wayOf(this.passing);
    this.passing.refused = "";
    // In the dialog, which covers everything else; what was written stays.
    const tell = (...words) => { this.passing.refused = words.join(" "); };
    if (await this.attempt("transfer", () => post(path, body, { csrfToken: this.csrfToken }), tell)) this.closeTransfer();
  },

  async finish() {
    const contact = this.wrapping;
    const done = await this.ask("finish", `${SESSION}wrap-up/finish/`, {
      disposition: this.draft.disposition || null,
      note: this.draft.note,
    });
    if (done && contact) window.sessionStorage.removeItem(draftKey(contact));
  },

  async finishWork(contact) {
    const { disposition, note } = this.outcomes[contact.id];
    await this.ask("finish-work", `${SESSION}work-item/finish/`, { contact: contact.id, disposition: disposition || null, note });
  },

  async logOut() {
    if (await this.ask("log-out", `${SESSION}logout/`)) window.location.assign(this.$root.dataset.afterLogOut);
  },

  showKeys() { this.$refs.keys.showModal(); },
  hideKeys() { this.$refs.keys.close(); },
  switchKeys() {
    this.keysOn = !this.keysOn;
    keys.switch(this.keysOn);
  },
  press(action) {
    const offer = this.offer;
    if (action === "help") this.showKeys();
    if (action === "ready") this.ready();
    if (action === "not-ready") this.$refs.notReady.click();
    if (action === "accept" && offer?.answer_mode === "desk") this.accept(offer);
    if (action === "reject" && offer) this.reject(offer);
    if (action === "escalate" && this.active?.escalates) this.openTransfer(this.active, "next");
    if (action === "transfer" && this.active) this.openTransfer(this.active, "");
  },
};

/** Joins parts of a component with their getters alive, which spreading would evaluate. */
function component(...parts) {
  return parts.reduce((whole, part) => Object.defineProperties(whole, Object.getOwnPropertyDescriptors(part)), {});
}

Alpine.data("desk", () => component(toasts(), state(), live, view, actions));
Alpine.start();
