// The list: asked for, shown, and asked for again after every like.
import { get, post } from "./api.js";
import { card, numbers, reason } from "./cards.js";
import { byId, make, quiet, told } from "./dom.js";
import { withPaid } from "./paid.js";
import { now, on, takeBack, tell } from "./shared.js";
import { label, word } from "./words.js";

const N = 10;
const PAUSE_MS = 500;
let running = null;
let last = null;

function asked() {
  const text = byId("ask-text").value.trim();
  const domain = byId("ask-domain").value;
  const scenario = byId("ask-scenario").value;
  return {
    user_id: now.user,
    n: N,
    ...(text ? { query: text } : {}),
    ...(domain ? { domain } : {}),
    ...(scenario ? { scenario } : {}),
  };
}

async function load(cause) {
  running?.abort();
  const mine = (running = new AbortController());
  const list = byId("list");
  list.setAttribute("aria-busy", "true");
  say("list.loading");
  try {
    const body = asked();
    const answer = await post("v1/recommend", body, mine.signal);
    show(answer, body, cause);
    // Asked for again, what is paid for would be sold again.
    if (byId("ask-reasons").checked && answer.ranked_by === "llm" && !answer.sponsored.length) {
      // Whoever likes one thing after another should not wait for reasons that nobody will read.
      await new Promise((resume) => setTimeout(resume, PAUSE_MS));
      mine.signal.throwIfAborted();
      const explained = await post("v1/recommend", { ...body, explain: true }, mine.signal);
      explain(explained, body);
    }
    quiet();
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("list-told").textContent = "";
    told(error);
  }
  list.removeAttribute("aria-busy");
}

function say(key, values) {
  word(byId("list-told"), key, values);
}

function show(answer, body, cause) {
  const list = byId("list");
  const before = new Map([...list.children].map((row) => [row.dataset.item, row.getBoundingClientRect().top]));
  const places = new Map((now.answer?.items ?? []).map((item) => [item.item_id, item.rank]));
  const focused = [...list.children].findIndex((row) => row.contains(document.activeElement));
  const same = cause && places.size;
  list.replaceChildren(...withPaid(answer.items.map((item) => row(item, answer, same ? places : null)), answer));
  keep(answer, body);
  move(list, before);
  if (focused >= 0) (list.children[Math.min(focused, list.children.length - 1)]?.querySelector("button") ?? byId("list-title")).focus();
  for (const item of answer.items) domain(item.domain);
  report(answer, places, cause);
  list.removeAttribute("aria-busy");
}

function row(item, answer, places) {
  const element = card("li", item, {
    rank: item.rank,
    kinds: ["like", "dislike", "dismiss"],
    shown: () => ({ request_id: now.answer.request_id, rank: item.rank }),
  });
  if (places) {
    const was = places.get(item.item_id);
    const way = was === undefined ? "new" : was > item.rank ? "up" : was < item.rank ? "down" : null;
    if (way) {
      const badge = word(make("span", { class: `moved ${way}`, role: "img" }), `moved.${way}`, { n: Math.abs(was - item.rank) });
      element.querySelector(".title").append(label(badge, `moved.${way}.of`, { n: Math.abs(was - item.rank) }));
    }
  }
  if (item.reason) element.querySelector(".acts").before(reason(item.reason.text));
  element.append(numbers(item));
  return element;
}

// The same list with reasons. Should the order differ, something was written in between, and it is shown anew.
function explain(answer, body) {
  const list = byId("list");
  const rows = [...list.children];
  if (answer.items.length !== rows.length || answer.items.some((item, at) => rows[at].dataset.item !== item.item_id)) {
    show(answer, body, { kind: null });
    return;
  }
  answer.items.forEach((item, at) => {
    if (item.reason) rows[at].querySelector(".acts").before(reason(item.reason.text));
  });
  tellLess(answer);
  keep(answer, body);
}

function keep(answer, body) {
  now.answer = answer;
  now.asked = body;
  tell("list", answer);
}

function move(list, before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const element of list.children) {
    const from = before.get(element.dataset.item);
    const by = from === undefined ? 0 : from - element.getBoundingClientRect().top;
    const steps = from === undefined
      ? [{ opacity: 0 }, { opacity: 1 }]
      : [{ transform: `translateY(${by}px)` }, { transform: "none" }];
    if (from === undefined || by) element.animate(steps, { duration: 350, easing: "ease-out" });
  }
}

function report(answer, places, cause) {
  byId("undo").hidden = true;
  tellLess(answer);
  if (!answer.items.length) return say("list.empty");
  const ready = { n: answer.items.length, "@by": `ranked.${answer.ranked_by}` };
  if (!cause?.kind) return say("list.ready", ready);
  const moved = answer.items.filter((one) => places.has(one.item_id) && places.get(one.item_id) !== one.rank).length;
  const fresh = answer.items.filter((one) => !places.has(one.item_id)).length;
  last = cause.item;
  byId("undo").hidden = cause.kind !== "like" && cause.kind !== "dislike";
  const what = make("span");
  const after = make("span");
  word(what, `list.after.${cause.kind}`, { title: cause.item.title });
  word(after, "list.changed", { moved, fresh });
  const told = byId("list-told");
  delete told.dataset.word;
  told.replaceChildren(what, " ", after);
}

function tellLess(answer) {
  const less = byId("list-less");
  less.hidden = !answer.degraded;
  if (answer.degraded) word(less, "degraded", { "@reason": `reason.${answer.reason}`, "@rung": `rung.${answer.rung}` });
}

function domain(name) {
  const select = byId("ask-domain");
  if ([...select.options].some((option) => option.value === name)) return;
  select.append(make("option", { value: name }, name));
  select.hidden = select.options.length < 3;
}

async function scenarios() {
  const select = byId("ask-scenario");
  if (select.options.length > 1) return;
  const known = await get("v1/scenarios").catch(() => ({ scenarios: [] }));
  select.append(...known.scenarios.map((one) => make("option", { value: one.name, title: one.about }, one.name)));
  select.hidden = !known.scenarios.length;
}

export function startList() {
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    load(null);
  });
  byId("ask-domain").addEventListener("change", () => load(null));
  byId("ask-scenario").addEventListener("change", () => load(null));
  byId("ask-reasons").addEventListener("change", () => load(null));
  byId("undo").addEventListener("click", () => {
    byId("list-title").focus();
    takeBack(last);
  });
  on("domain", domain);
  on("feedback", (given) => load(given));
  on("user", () => {
    running?.abort();
    now.answer = now.asked = null;
    byId("ask-text").value = byId("ask-domain").value = byId("ask-scenario").value = "";
    byId("list").replaceChildren();
    if (now.user) {
      load(null);
      scenarios();
    }
  });
}
