// Alerts of one party -> what they hold together, in words.

import { count } from "./text.js";

/** Developers alerted on stand behind the calls; `names` are others' that were used from the case's origins. */
export function party(alerts) {
  const of = (kind) => new Set(alerts.filter((alert) => alert.entity_kind === kind).map((alert) => alert.entity_id));
  const found = { developers: of("developer"), origins: of("origin"), names: new Set(), keys: new Set(), sellers: new Set(), cut: false, customers: null };
  for (const alert of alerts) {
    if (alert.entity_kind === "developer") for (const one of alert.origin_ids ?? []) found.origins.add(one);
    for (const one of alert.developer_ids) if (!found.developers.has(one)) found.names.add(one);
    for (const one of alert.key_ids) found.keys.add(one);
    for (const one of alert.seller_ids) found.sellers.add(one);
    found.cut ||= alert.keys > alert.key_ids.length || alert.sellers > alert.seller_ids.length;
    if (alert.customers) found.customers = Math.max(found.customers ?? 0, alert.customers.low);
  }
  return found;
}

/** One line: "4 developers, 2 origins, 34 keys, 34 sellers, at least 1,200 customers". */
export function held(alerts) {
  const { developers, origins, names, keys, sellers, cut, customers } = party(alerts);
  const least = cut ? "at least " : "";
  return [
    developers.size && count(developers.size, "developer"),
    origins.size && count(origins.size, "origin"),
    names.size && `acting as ${count(names.size, "other developer")}`,
    keys.size && least + count(keys.size, "key"),
    sellers.size && least + count(sellers.size, "seller"),
    customers !== null && `at least ${count(customers, "customer")}`,
  ].filter(Boolean).join(", ");
}
