// Alerts of one party -> what they hold together, in words.

import { count } from "./text.js";

/** One line: "4 developers, 2 origins, 34 keys, 34 sellers, at least 1,200 customers".
 *  Developers alerted on stand behind the calls; other names were used from the case's origins. */
export function held(alerts) {
  const own = new Set(alerts.filter((alert) => alert.entity_kind === "developer").map((alert) => alert.entity_id));
  const others = total(alerts, "developer", "other developer", own);
  const customers = Math.max(...alerts.map((alert) => alert.customers?.low ?? 0));
  return [
    own.size && count(own.size, "developer"),
    total(alerts, "origin"),
    others && `acting as ${others}`,
    total(alerts, "key"),
    total(alerts, "seller"),
    customers && `at least ${count(customers, "customer")}`,
  ].filter(Boolean).join(", ");
}

/** Distinct ones, less `own`. An alert lists so many at most; what it counts holds whatever it lists. */
function total(alerts, name, noun = name, own = new Set()) {
  const ids = (alert) => alert[`${name}_ids`] ?? [];
  const counted = (alert) => alert[`${name}s`] ?? 0;
  const listed = new Set(alerts.flatMap(ids).filter((one) => !own.has(one)));
  const cut = alerts.some((alert) => counted(alert) > ids(alert).length);
  const number = cut ? Math.max(listed.size, ...alerts.map((alert) => counted(alert) - own.size)) : listed.size;
  return number && (cut ? "at least " : "") + count(number, noun);
}
