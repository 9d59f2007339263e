// A path of this server -> its JSON, or an Error that says why not, with the HTTP status where there was one.

const MOST_MS = 20_000; // a page of alerts may be some megabytes

export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(MOST_MS) });
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(detail ?? `HTTP ${answer.status}`), { status: answer.status });
}
