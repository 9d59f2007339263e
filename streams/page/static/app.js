// Alerts from link.js -> the list and the open alert; filter, order, keys. Holds at most KEEP + SLACK alerts.
// What it says of itself is what the server knows: the link, and whether a worker was heard of just now.

import { ask } from "./ask.js";
import { held } from "./case.js";
import { badge, detail } from "./detail.js";
import { Link } from "./link.js";
import { SEVERITIES, count, dayOf, gist, id, make, number, plain, stands, time, when } from "./text.js";

const KEEP = 10_000; // as many as the server keeps: what is dropped here is gone there too
const SLACK = 500; // as dropping costs a sort
const STEP = 200; // rows drawn at once
const AGAIN_MS = 2_000;
const OLDER = "Older alerts are neither counted nor searched until shown.";
const STOPS = "a, button, summary, [tabindex]";
const STATES = { wait: "Connecting", live: "Live", idle: "No worker", lost: "Connection lost", redis: "Feed interrupted" };
const $ = (name) => document.getElementById(name);

const alerts = new Map(); // alert_id -> newest version
const rows = new Map(); // alert_id -> {item, version}
let only = null; // the one severity that is wanted; null = all
let state = { link: "wait", reason: "" };
let worker = null; // {runs, heard}; null = not known yet
let rules = null; // null = not known yet
let open = null; // alert_id
let pending = ""; // why the open alert is not shown
let line = null; // alert_id of the line that was chosen last: where the focus goes back to
let entering = false, leaving = false;
let drawn = STEP;
let due = false;

/** Whether it was not held. */
function take(alert, live) {
  const held = alerts.get(alert.alert_id);
  if (held && held.version >= alert.version) return false;
  alerts.set(alert.alert_id, alert);
  if (live && !held) {
    rows.set(alert.alert_id, { fresh: true });
    $("news").textContent = `New ${plain(alert.severity)} alert: ${gist(alert)}`;
  }
  if (alerts.size > KEEP + SLACK) drop();
  draw();
  return !held;
}

function drop() {
  const byAge = [...alerts.values()].sort((a, b) => a.last_seen - b.last_seen);
  for (const old of byAge.slice(0, alerts.size - KEEP)) {
    if (old.alert_id === open) continue;
    alerts.delete(old.alert_id);
    rows.get(old.alert_id)?.item?.remove();
    rows.delete(old.alert_id);
  }
}

const rank = (alert) => SEVERITIES.indexOf(alert.severity);
const ORDERS = {
  new: (a, b) => b.time - a.time || rank(a) - rank(b),
  severe: (a, b) => rank(a) - rank(b) || b.time - a.time,
  score: (a, b) => b.score - a.score || b.time - a.time,
};

function wanted() {
  const kind = $("kind").value;
  const text = $("search").value.trim().toLowerCase();
  const has = (alert) =>
    [alert.entity_id, alert.case, alert.alert_id, ...alert.rules, ...alert.seller_ids, ...alert.key_ids, ...alert.developer_ids]
      .some((one) => String(one).toLowerCase().includes(text));
  return [...alerts.values()]
    .filter(stands)
    .filter((alert) => (!kind || alert.entity_kind === kind) && (!text || has(alert)))
    .sort(ORDERS[$("order").value]);
}

function draw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    drawAll();
  });
}

function drawAll() {
  const matching = wanted();
  drawSeverities(matching);
  const shown = matching.filter((alert) => only === null || alert.severity === only);
  const cases = byCase(shown);
  $("tally").textContent = shown.length ? `${count(shown.length, "alert")}, ${count(cases.size, "case")}. Times are UTC.${link?.next ? ` ${OLDER}` : ""}` : "";
  const lines = $("view").value === "case" ? [...cases.values()].map(([first]) => first) : shown;
  place(lines.slice(0, drawn), $("view").value === "case" ? cases : new Map());
  $("older").hidden = lines.length <= drawn && !link?.next;
  $("none").hidden = shown.length > 0;
  if (!shown.length) $("none").replaceChildren(...nothing());
  drawDetail();
  moveFocus();
}

/** case -> its alerts, in the order of the list. */
function byCase(shown) {
  const cases = new Map();
  for (const alert of shown) cases.get(alert.case)?.push(alert) ?? cases.set(alert.case, [alert]);
  return cases;
}

function nothing() {
  const standing = [...alerts.values()].filter(stands).length;
  const older = link?.next && make("p", {}, OLDER);
  if (standing) {
    return [make("h2", {}, "Nothing matches"), make("p", {}, `${count(standing, "alert")} hidden by the filter.`), older, make("button", { type: "button", onclick: clear }, "Clear the filter")].filter(Boolean);
  }
  const text = {
    live: "A worker is watching. Alerts appear here by themselves as they are raised.",
    idle: "Waiting for a worker: alerts appear here by themselves once one runs and raises some.",
    wait: "Asking for alerts …",
  }[standsAt()];
  if (!text) return [make("h2", {}, "No connection"), make("p", {}, "Whether there are alerts cannot be told until it is back.")];
  return [standsAt() !== "wait" && make("h2", {}, "No alerts"), make("p", {}, text), older].filter(Boolean);
}

/** Put the rows in order, moving only what is out of place, so that focus and scroll stay. */
function place(shown, cases) {
  const list = $("list");
  const keep = new Set(shown.map((alert) => alert.alert_id));
  for (const item of [...list.children]) if (!keep.has(item.dataset.id)) item.remove();
  shown.forEach((alert, at) => {
    const party = cases.get(alert.case) ?? [];
    const item = row(alert, party.length > 1 ? `${count(party.length, "alert")} of one party: ${held(party)}` : "");
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    if (alert.alert_id === open) item.firstChild.setAttribute("aria-current", "true");
    else item.firstChild.removeAttribute("aria-current");
  });
}

function row(alert, party) {
  const known = rows.get(alert.alert_id) ?? {};
  const day = dayOf(Date.now());
  if (known.version === alert.version && known.day === day && known.party === party) return known.item;
  const item = known.item ?? make("li", { "data-id": alert.alert_id, class: known.fresh ? "fresh" : "" });
  const anchor = item.firstChild ?? make("a", { href: `#/alert/${encodeURIComponent(alert.alert_id)}` });
  const figures = [count(alert.sellers, "seller"), alert.customers && count(alert.customers.estimate, "customer"), count(alert.records, "record")];
  anchor.className = plain(alert.severity);
  anchor.replaceChildren(
    make("span", { class: "top" }, badge(alert.severity), make("span", { class: "quiet" }, plain(alert.entity_kind)), make("time", {}, when(alert.time))),
    make("span", { class: "who" }, id(alert.entity_id)),
    make("span", { class: "what" }, gist(alert)),
    make("span", { class: "quiet" }, party || figures.filter(Boolean).join(" · ")));
  if (!item.firstChild) item.append(anchor);
  rows.set(alert.alert_id, { item, version: alert.version, day, party });
  return item;
}

function drawSeverities(matching) {
  for (const severity of SEVERITIES) {
    const total = matching.filter((alert) => alert.severity === severity).length;
    const chip = $(`severity-${severity}`);
    chip.setAttribute("aria-pressed", String(only === severity));
    chip.lastChild.textContent = number(total);
  }
}

function drawDetail() {
  const panel = $("detail");
  const alert = alerts.get(open);
  document.body.classList.toggle("open", open !== null);
  if (!alert) {
    panel.dataset.shown = "";
    panel.replaceChildren(make("div", { class: "none" }, open === null
      ? make("p", {}, "Choose an alert to see why it was raised and what to do.")
      : make("p", {}, plain(pending), " ", make("a", { href: "#/" }, "All alerts"))));
    return;
  }
  const siblings = [...alerts.values()].filter((one) => one.case === alert.case && one.alert_id !== open && stands(one)).sort(ORDERS.severe);
  const mark = [alert.alert_id, alert.version, ...siblings.map((one) => `${one.alert_id}@${one.version}`), rules !== null].join(" ");
  if (panel.dataset.shown === mark) return;
  const same = panel.dataset.shown?.split(" ")[0] === alert.alert_id;
  const stop = panel.contains(document.activeElement) ? stops(panel).indexOf(document.activeElement) : null;
  const unfolded = new Set(same ? [...panel.querySelectorAll("details[open]")].map((one) => one.dataset.name) : []);
  panel.replaceChildren(...detail(alert, rules, siblings));
  for (const one of panel.querySelectorAll("details")) one.open = unfolded.has(one.dataset.name);
  if (stop !== null) ((same && stops(panel)[stop]) || panel).focus({ preventScroll: true });
  if (!same) panel.scrollTop = 0;
  panel.dataset.shown = mark;
}

const stops = (panel) => [...panel.querySelectorAll(STOPS)];

/** The focus goes with whoever chooses an alert, and back to its line when that is closed. */
function moveFocus() {
  if (entering && open === line) {
    entering = false;
    $("detail").focus({ preventScroll: true });
  }
  if (leaving) rows.get(line)?.item?.firstChild.focus();
  leaving = false;
}

function route() {
  const before = open;
  const found = location.hash.match(/^#\/alert\/(.+)$/);
  try {
    open = found ? decodeURIComponent(found[1]) : null;
  } catch {
    open = null;
  }
  leaving = before !== null && open === null;
  line ??= open;
  pending = "Loading.";
  draw();
  load();
}

/** The open alert, unless it is held; asked for until it comes, or the server says that it has none. */
async function load() {
  const asked = open;
  if (asked === null || alerts.has(asked)) return;
  const found = await ask(`/api/alerts/${encodeURIComponent(asked)}`).catch((error) => error);
  if (found.alert_id === asked) take(found, false);
  if (open !== asked) return;
  const away = found instanceof Error && found.status !== 404;
  pending = away ? `The alert did not come (${found.message}); it is asked for again.` : "No such alert is kept, or no longer.";
  if (away) setTimeout(() => open === asked && load(), AGAIN_MS);
  draw();
}

async function learn() {
  try {
    rules = await ask("/api/rules");
  } catch {
    setTimeout(learn, AGAIN_MS);
  }
  draw();
}

async function older() {
  drawn += STEP;
  const failed = await link.older().then(() => "", (error) => `Older alerts did not come (${error.message}). Try again.`);
  $("failed").textContent = plain(failed);
  $("failed").hidden = !failed;
  draw();
}

function clear() {
  const view = $("view").value;
  $("filter").reset();
  $("view").value = view;
  only = null;
  draw();
}

/** live: the feed is open and a worker runs; idle: open, and none was heard of; else as the link says. */
function standsAt() {
  if (state.link !== "live") return state.link;
  return worker === null ? "wait" : worker.runs ? "live" : "idle";
}

function say(link, reason) {
  state = { link, reason };
  tell();
}

function tell() {
  const now = standsAt();
  $("link").dataset.state = now;
  if ($("link").textContent !== STATES[now]) $("link").textContent = STATES[now];
  const text = {
    lost: "The connection to poolwatch is lost; trying again. Alerts raised meanwhile are shown when it is back.",
    redis: "Redis does not give the server its alerts; trying again. They wait there and follow when it does.",
    idle: `No worker has been heard of ${worker?.heard ? `since ${time(worker.heard)}` : "yet"}: nothing is being watched until one runs (poolwatch worker).`,
  }[now];
  const shown = text ? [text, now !== "idle" && plain(state.reason)].filter(Boolean).join(" ") : "";
  $("banner").hidden = !text;
  $("banner").classList.toggle("mild", now === "idle");
  if ($("banner").textContent !== shown) $("banner").textContent = shown;
  draw();
}

function choose(event) {
  const item = event.target.closest("li");
  if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
  line = item.dataset.id;
  entering = true;
  draw();
}

function step(way) {
  const links = [...$("list").querySelectorAll("a")];
  const at = links.findIndex((one) => one === document.activeElement || (one.hasAttribute("aria-current") && !$("list").contains(document.activeElement)));
  const next = links[Math.max(0, Math.min(links.length - 1, at + way))];
  next?.focus();
  line = next?.parentElement.dataset.id ?? line;
  if (next && matchMedia("(min-width: 60rem)").matches) location.replace(next.hash);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input[type=search], select");
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else if (open !== null) location.hash = "#/";
  } else if (!typing && event.key === "/") {
    event.preventDefault();
    $("search").focus();
  } else if (!typing && (event.key === "j" || event.key === "k")) step(event.key === "j" ? 1 : -1);
}

function begin() {
  for (const severity of SEVERITIES) {
    const onclick = () => { only = only === severity ? null : severity; drawn = STEP; draw(); };
    $("severities").append(make("button", { type: "button", id: `severity-${severity}`, class: `chip ${severity}`, title: `Show only ${severity} alerts, or all again`, onclick }, `${severity} `, make("span", {}, "0")));
  }
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["kind", "view", "order", "search"]) $(name).addEventListener("input", () => { drawn = STEP; draw(); });
  $("older").addEventListener("click", older);
  $("list").addEventListener("click", choose);
  addEventListener("hashchange", () => {
    route();
    if (open !== null && !matchMedia("(min-width: 60rem)").matches) scrollTo(0, 0);
  });
  addEventListener("keydown", press);
  learn();
}

begin();
const link = new Link({ alert: take, state: say, listed: draw, worker: (heard) => { worker = heard; tell(); } });
route();
