// One alert -> its page: why, what is at stake, what to do, where the evidence is.

import { held } from "./case.js";
import { SEVERITIES, count, id, make, number, plain, sentence, span, time } from "./text.js";

const PII = { name: "names", address: "addresses", phone: "phone numbers", email: "e-mail addresses", purchase: "purchases", tax: "tax numbers" };

const REASONS = 4;
const SIBLINGS = 50;
const OWNERS = 3;

export const badge = (severity) => make("span", { class: `badge ${plain(severity)}` }, plain(severity));

/** rules: id -> what it is and what to do; null = not known yet. */
export function detail(alert, rules, siblings) {
  return [
    make("p", { class: "over" }, make("a", { class: "back", href: "#/" }, "All alerts"), badge(alert.severity), plain(alert.entity_kind)),
    make("h2", {}, id(alert.entity_id)),
    make("p", { class: "quiet" },
      `Raised ${time(alert.time)}. `,
      alert.count > 1 ? `Over the line for ${number(alert.count)} minutes, last at ${time(alert.last_seen)}. ` : "",
      `Score ${Number(alert.score).toFixed(2)}.`),
    alert.superseded_by && make("p", { class: "gone" }, "This alert stands no longer: ",
      make("a", { href: link(alert.superseded_by) }, "another one"), " tells the same from its beginning."),
    alert.withdrawn && make("p", { class: "gone" }, "This alert stands no longer: it was raised early, and when its minute closed nothing was over a line."),
    part("Why", why(reasons(alert))),
    part("At stake", stakes(alert)),
    siblings.length > 0 && part("Case: one party", party(alert, siblings)),
    part("What to do", actions(alert, rules)),
    alert.key_owners?.length > 0 && part("Whose hand is on the keys", owners(alert)),
    part("Records with personal data", personal(alert)),
    part("Who is involved", [
      names("sellers", "Sellers", alert.sellers, alert.seller_ids),
      names("keys", "Keys", alert.keys, alert.key_ids),
      names("developers", "Developers", alert.developers, alert.developer_ids),
      alert.origin_ids && names("origins", "Origins", alert.origins, alert.origin_ids),
    ].filter(Boolean)),
    part("Evidence", evidence(alert)),
  ].filter(Boolean);
}

const part = (title, content) => make("section", { class: "part" }, make("h3", {}, title), content);

function stakes(alert) {
  const { customers } = alert;
  const tile = (value, label, note) =>
    make("div", { class: "tile" }, make("dd", {}, value), make("dt", {}, label), note && make("dd", { class: "note" }, note));
  return make("dl", { class: "tiles" },
    tile(number(alert.sellers), alert.sellers === 1 ? "seller" : "sellers"),
    customers
      ? tile(number(customers.estimate), "customers", `${number(customers.low)} to ${number(customers.high)}`)
      : tile("–", "customers", "events carry none"),
    tile(number(alert.records), "records"),
    alert.unneeded && tile(number(alert.unneeded.orders), "orders read, not acted on", `of ${number(alert.unneeded.of)} read`),
    tile(number(alert.keys), alert.keys === 1 ? "key" : "keys"),
    tile(number(alert.developers), alert.developers === 1 ? "developer" : "developers"),
  );
}

function reasons(alert) {
  const most = Math.max(...alert.reasons.map((reason) => Math.abs(reason.contribution)), 1e-9);
  return alert.reasons.map((reason) =>
    make("li", {},
      make("p", {}, sentence(reason.text)),
      make("div", { class: "bar", share: Math.abs(reason.contribution) / most, "aria-hidden": "true" }),
      make("p", { class: "quiet" }, make("code", {}, plain(reason.feature))),
    ));
}

/** The first few at once; the rest must not push what to do off the screen. */
function why(items) {
  const more = items.slice(REASONS);
  return [
    make("ol", { class: "reasons" }, items.slice(0, REASONS)),
    more.length > 0 && make("details", { "data-name": "reasons" },
      make("summary", {}, count(more.length, "more reason")),
      make("ol", { class: "reasons" }, more)),
  ].filter(Boolean);
}

/** The keys that another than their owner uses most likely, and why; by themselves where some are. */
function owners(alert) {
  const row = (one) => make("li", {},
    make("p", {}, id(one.key), ` ${Math.round(100 * one.probability)}%`),
    make("p", { class: "quiet" }, sentence(one.evidence)));
  const list = (some) => make("ol", { class: "reasons" }, some.map(row));
  const shown = alert.keys_borrowed ? OWNERS : 0, rest = alert.key_owners.slice(shown);
  return [
    make("p", {}, alert.keys_borrowed
      ? `More likely than not, another than its owner uses ${number(alert.keys_borrowed)} of ${count(alert.keys, "key")}.`
      : "Nothing makes it likely that another uses a key than those to whom it was issued."),
    shown > 0 && list(alert.key_owners.slice(0, shown)),
    rest.length > 0 && make("details", { "data-name": "owners" },
      make("summary", {}, `Probability for each of ${count(rest.length, shown ? "further key" : "key")}`), list(rest)),
  ].filter(Boolean);
}

/** One thing to do first: what the most severe rule says, then the weightiest; the others' are folded. */
function actions(alert, rules) {
  const why = rules ? "This server does not know the rule; see the rule set that raised it." : "What to do has not come from the server yet; it is asked again.";
  const known = alert.rules.map((rule) => ({ id: rule, why, ...(rules && Object.hasOwn(rules, rule) ? rules[rule] : {}) }));
  const rank = (rule) => (rule.do ? SEVERITIES.indexOf(rule.severity) : SEVERITIES.length);
  const [first, ...others] = known.sort((a, b) => rank(a) - rank(b) || b.weight - a.weight);
  return [
    first && action(first),
    others.length > 0 && make("details", { "data-name": "actions" },
      make("summary", {}, `What the ${count(others.length, "other rule")} ${others.length === 1 ? "says" : "say"}`),
      others.map(action)),
  ].filter(Boolean);
}

const action = (rule) => make("div", { class: "action" },
  rule.do && make("p", { class: "do" }, rule.do),
  make("p", { class: "quiet" }, make("code", {}, plain(rule.id)), ` ${rule.why}`));

function personal(alert) {
  const classes = Object.entries(alert.pii ?? {}).filter(([, records]) => records > 0).sort((a, b) => b[1] - a[1]);
  if (!classes.length) return make("p", { class: "quiet" }, "None.");
  return make("ul", { class: "bars" }, classes.map(([name, records]) =>
    make("li", {},
      make("span", {}, PII[name] ?? plain(name)),
      make("div", { class: "bar", share: records / classes[0][1], "aria-hidden": "true" }),
      make("span", { class: "figure" }, `${number(records)}`))));
}

function names(name, title, total, ids = []) {
  const shown = ids.length < total ? ` (${number(ids.length)} listed)` : "";
  if (!ids.length) return make("p", { class: "quiet" }, `${title}: ${number(total)}`);
  const copy = make("button", { type: "button", class: "small", onclick: () => copied(copy, ids) }, "Copy all");
  return make("details", { "data-name": name },
    make("summary", {}, `${title}: ${number(total)}${shown}`),
    copy,
    make("ul", { class: "ids" }, ids.map((one) => make("li", {}, id(one)))));
}

async function copied(button, ids) {
  try {
    await navigator.clipboard.writeText(ids.join("\n"));
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying is not allowed here";
  }
}

const link = (alertId) => `#/alert/${encodeURIComponent(alertId)}`;

/** What the case holds, the other alerts, and why they are one party's. */
function party(alert, siblings) {
  const all = [alert, ...siblings];
  const most = siblings.slice(0, SIBLINGS);
  const links = all.flatMap((one) => (one.links ?? []).map((text) => make("li", {}, make("p", {}, id(one.entity_id), ` ${plain(text)}`))));
  return [
    make("p", {}, `${count(all.length, "alert")}: ${held(all)}.`),
    make("ul", { class: "siblings" }, most.map(sibling)),
    siblings.length > most.length && make("p", { class: "quiet" }, `and ${number(siblings.length - most.length)} more`),
    links.length > 0 && make("details", { "data-name": "links" },
      make("summary", {}, "Why they are one party"),
      make("ul", { class: "reasons" }, links.slice(0, SIBLINGS))),
  ].filter(Boolean);
}

const sibling = (alert) =>
  make("li", {}, make("a", { href: link(alert.alert_id) }, badge(alert.severity), " ", id(alert.entity_id)));

function evidence(alert) {
  const fact = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
  return [
    make("dl", { class: "facts" },
      fact("Window", `Up to ${span(alert.window_end - alert.window_start)}: what was seen from ${time(alert.window_start)} to ${time(alert.window_end)}`),
      fact("First and last seen", `${time(alert.first_seen)}, ${time(alert.last_seen)} (${count(alert.count, "minute")} over the line)`),
      fact("Alert", make("code", {}, plain(alert.alert_id)), ` version ${number(alert.version)}`),
      fact("Case", make("code", {}, plain(alert.case))),
      fact("Made by", "model ", make("code", {}, plain(alert.model)), ", rules ", make("code", {}, plain(alert.rule_set))),
      fact("As JSON", make("a", { href: `/api/alerts/${encodeURIComponent(alert.alert_id)}` }, `/api/alerts/${plain(alert.alert_id)}`))),
    alert.evidence.length > 0 && places(alert.evidence),
  ].filter(Boolean);
}

/** Where the events can be found again: partitions of a topic, or files. */
function places(found) {
  const files = found.some((one) => one.file != null);
  const place = (one) => (files ? plain(one.file) : `${plain(one.topic ?? "usage-events")} [${one.partition}]`);
  const cells = (tag, ...texts) => make("tr", {}, texts.map((text) => make(tag, {}, text)));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Where the events are" },
    make("table", {},
      make("thead", {}, cells("th", files ? "File" : "Topic and partition", files ? "Lines" : "Offsets")),
      make("tbody", {}, found.map((one) => cells("td", place(one), `${number(one.first)} to ${number(one.last)}`)))));
}
