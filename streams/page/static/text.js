// Values -> text for people. Ids are chosen by callers: shown as text only, nothing unseen in them.

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" };
const day = { day: "numeric", month: "short", timeZone: "UTC" };
const clockFormat = new Intl.DateTimeFormat("en-GB", clock);
const dayFormat = new Intl.DateTimeFormat("en-GB", { ...day, ...clock });
const fullFormat = new Intl.DateTimeFormat("en-GB", { ...day, year: "numeric", ...clock });

export const SEVERITIES = ["critical", "high", "medium", "low"];

export const plain = (text) => String(text ?? "").replace(UNSEEN, "\ufffd");

export const number = (value) =>
  typeof value !== "number" || !Number.isFinite(value) ? "–"
    : Math.abs(value) >= 100 || Number.isInteger(value) ? whole.format(value) : fine.format(value);

export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

export const time = (ms) => `${fullFormat.format(ms)} UTC`;

export const dayOf = (ms) => Math.floor(ms / 864e5);

/** Short: the hour alone if it is today, the year where it is another one. */
export const when = (ms, now = Date.now()) => {
  if (dayOf(ms) === dayOf(now)) return clockFormat.format(ms);
  return (new Date(ms).getUTCFullYear() === new Date(now).getUTCFullYear() ? dayFormat : fullFormat).format(ms);
};

/** Whether an alert still counts: no other stands for it, and it was not withdrawn. */
export const stands = (alert) => !alert.superseded_by && !alert.withdrawn;

export const span = (ms) => {
  const minutes = Math.round(ms / 6e4);
  if (minutes < 60) return count(minutes, "minute");
  return minutes < 48 * 60 ? count(Math.round(minutes / 6) / 10, "hour") : count(Math.round(minutes / 144) / 10, "day");
};

export const sentence = (text) => {
  const shown = plain(text);
  return shown.charAt(0).toUpperCase() + shown.slice(1);
};

/** What an alert says in one sentence. */
export const gist = (alert) => sentence(alert.reasons[0]?.text ?? `score ${alert.score.toFixed(2)}`);

/** An element with children; strings become text, never markup. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "share") element.style.setProperty("--share", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export const id = (text) => make("bdi", { class: "id", dir: "ltr" }, plain(text));
