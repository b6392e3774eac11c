// The service's public paths; a refusal becomes an Error with its detail.
import { keptKey, otherKey } from "./key.js";
import { say } from "./words.js";

async function ask(method, path, body, signal) {
  const key = keptKey();
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key ? { authorization: `Bearer ${key}` } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(say("unreachable"));
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && (await otherKey(key))) return ask(method, path, body, signal);
  const detail = problem.detail ?? `${answer.status} ${answer.statusText}`;
  const text = answer.status === 403 && key ? say("key.lacks", { detail }) : answer.status === 401 ? say("key.needed") : detail;
  throw Object.assign(new Error(text), { status: answer.status });
}

const json = async (...given) => {
  const answer = await ask(...given);
  return answer.status === 204 ? null : answer.json();
};

export const get = (path, signal) => json("GET", path, undefined, signal);
export const post = (path, body, signal) => json("POST", path, body, signal);
export const put = (path, body) => json("PUT", path, body);
export const remove = (path) => json("DELETE", path);
export const segment = encodeURIComponent;

// Server-sent events of a POST: calls on(event, data) for each, data read as JSON.
export async function stream(path, body, on, signal) {
  const answer = await ask("POST", path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest = (rest + (value ?? "")).replaceAll("\r\n", "\n");
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const lines = event.split("\n");
      const field = (name) => lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trimStart());
      const data = field("data").join("\n");
      if (data) on(field("event")[0] ?? "message", JSON.parse(data));
    }
    if (done) return;
  }
}
