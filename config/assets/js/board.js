// The supervisor's live board.

import Alpine from "@alpinejs/csp";

import "./app.js";
import { duration, percent, secondsSince } from "./format.js";
import { ServerClock, connect, everySecond, pageData, toasts } from "./page.js";
import { abandonedShare, serviceLevelTone, waitTone } from "./thresholds.js";

const AGENT_STATES = ["ringing", "talking", "wrap_up", "ready", "not_ready", "logged_out"];
const WAITING_STATES = new Set(["queued", "offered", "connecting", "diverted"]);
const MOST_CONTACTS = 60;

const byName = (one, other) => one.name.localeCompare(other.name);
const byOrder = (one, other) => (one.order_at || "").localeCompare(other.order_at || "");
const earliest = (moments) => moments.filter(Boolean).sort((one, other) => Date.parse(one) - Date.parse(other))[0] ?? null;

function byStateThenTime(one, other) {
  const states = AGENT_STATES.indexOf(one.state) - AGENT_STATES.indexOf(other.state);
  return states || (one.since || "").localeCompare(other.since || "");
}

Alpine.data("board", () => ({
  ...toasts(),
  labels: pageData("board-labels"),
  limits: pageData("board-limits"),
  language: document.documentElement.lang,
  loaded: false,
  now: Date.now(),
  wall: new URLSearchParams(window.location.search).has("wall"),
  total: null,
  queues: [],
  teamFigures: [],
  agents: [],
  contacts: [],
  backups: [],
  shownState: "",
  shownTeam: "",
  sought: "",

  init() {
    const clock = new ServerClock();
    everySecond(clock, (now) => { this.now = now; });
    connect({
      topics: ["board"],
      clock,
      onChange: (topic, store) => this.take(store),
      onError: (error) => this.say("danger", error.message),
    });
    this.$watch("wall", () => this.showWall());
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement) this.wall = false;
    });
    this.showWall();
  },

  take(store) {
    this.total = store.ofKind("total")[0] ?? null;
    this.queues = store.ofKind("queue").sort(byName);
    this.teamFigures = store.ofKind("team").sort(byName);
    this.agents = store.ofKind("agent").sort(byStateThenTime);
    this.contacts = store.ofKind("contact").sort(byOrder);
    this.backups = store.ofKind("backup").sort((one, other) => one.since.localeCompare(other.since));
    this.loaded = true;
  },

  // Wallboard: the same page without its frame, readable across a room.
  showWall() {
    document.body.classList.toggle("is-wall", this.wall);
  },
  async toggleWall() {
    this.wall = !this.wall;
    if (this.wall && document.fullscreenEnabled) await document.documentElement.requestFullscreen();
    if (!this.wall && document.fullscreenElement) await document.exitFullscreen();
  },

  // Figures
  time(seconds) { return duration(seconds); },
  share(value) { return percent(value, this.language); },
  count(value) { return value ?? "–"; },
  elapsed(since) { return duration(secondsSince(since, this.now)); },
  waited(queue) { return queue.oldest_waiting_at ? secondsSince(queue.oldest_waiting_at, this.now) : null; },
  waitedText(queue) { return duration(this.waited(queue)); },
  waitTone(queue) { return waitTone(this.waited(queue), queue.service_level_seconds); },
  levelTone(row) { return row ? serviceLevelTone(row.service_level, this.limits.service_level) : "none"; },
  levelWidth(row) { return { width: `${Math.round((row.service_level ?? 0) * 100)}%` }; },
  levelRule(row) {
    if (!row || !row.service_level_variant) return "";
    const rule = row.service_level_seconds === null ? this.labels.service_level_rules : this.labels.service_level_rule;
    return rule.replace("{variant}", row.service_level_variant).replace("{seconds}", row.service_level_seconds);
  },
  toneLabel(tone) { return this.labels.tones[tone]; },
  abandonedShare(row) { return row ? percent(abandonedShare(row), this.language) : "–"; },

  get longest() {
    const since = earliest(this.queues.map((queue) => queue.oldest_waiting_at));
    return since ? secondsSince(since, this.now) : null;
  },
  get longestText() { return duration(this.longest); },
  get longestTone() {
    const rank = ["bad", "fair", "good"];
    const tones = this.queues.map((queue) => this.waitTone(queue));
    return rank.find((tone) => tones.includes(tone)) ?? "none";
  },

  // Agents
  get stateCounts() {
    return AGENT_STATES.map((state) => ({
      state,
      label: this.labels.agent_states[state],
      count: this.agents.filter((agent) => agent.state === state).length,
    })).filter(({ state, count }) => count > 0 || state !== "logged_out");
  },
  teamStates(team) {
    return AGENT_STATES.filter((state) => team.agents[state] > 0)
      .map((state) => ({ state, label: this.labels.agent_states[state], count: team.agents[state] }));
  },
  get loggedIn() { return this.agents.filter((agent) => agent.state !== "logged_out").length; },
  get teams() { return [...new Set(this.agents.map((agent) => agent.team).filter(Boolean))].sort(); },
  get shownAgents() {
    const sought = this.sought.trim().toLocaleLowerCase();
    return this.agents.filter((agent) =>
      (!this.shownState || agent.state === this.shownState) &&
      (!this.shownTeam || agent.team === this.shownTeam) &&
      (!sought || `${agent.name} ${agent.agent_number} ${agent.station ?? ""}`.toLocaleLowerCase().includes(sought)));
  },
  filterState(state) { this.shownState = this.shownState === state ? "" : state; },
  agentState(agent) {
    const label = this.labels.agent_states[agent.state] ?? agent.state;
    return agent.reason ? `${label} · ${agent.reason}` : label;
  },

  // Contacts
  get waiting() { return this.contacts.filter((contact) => WAITING_STATES.has(contact.state)); },
  get shownContacts() { return this.waiting.slice(0, MOST_CONTACTS); },
  get hiddenContacts() { return Math.max(0, this.waiting.length - MOST_CONTACTS); },
  contactState(contact) { return this.labels.contact_states[contact.state] ?? contact.state; },
  channel(contact) { return this.labels.channels[contact.channel] ?? contact.channel; },
}));

Alpine.start();
