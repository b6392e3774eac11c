// One item as a card.
import { foreign, make, number } from "./dom.js";
import { give, on } from "./shared.js";
import { label, word } from "./words.js";

const MOST_WORDS = 3;
const MOST_FACTS = 4;

function facts(item) {
  const told = Object.entries(item.attributes).map(([name, value]) => {
    if (Array.isArray(value)) return value.slice(0, MOST_WORDS).join(", ");
    if (typeof value === "boolean") return value ? name : "";
    return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : String(value);
  });
  return [item.domain, ...told.filter(Boolean).slice(0, MOST_FACTS)].join(" · ");
}

function act(card, item, kind, shown) {
  const button = word(make("button", { type: "button", "data-kind": kind }), kind);
  label(button, `${kind}.of`, { title: item.title });
  button.addEventListener("click", async () => {
    if (card.dataset.busy) return;
    card.dataset.busy = "yes";
    await give(item, kind, shown?.());
    delete card.dataset.busy;
  });
  return button;
}

// `shown()` gives {request_id, rank} where the item stands in a list that was handed out.
export function card(tag, item, { shown, rank, kinds = ["like", "dislike"], description } = {}) {
  const element = make(tag, { class: "card", "data-item": item.item_id });
  const title = make("div", { class: "title" }, rank ? make("span", { class: "place" }, String(rank)) : null, foreign(item.title));
  element.append(title, make("div", { class: "facts" }, foreign(facts(item))));
  if (description) element.append(make("div", { class: "facts" }, foreign(description)));
  const acts = make("div", { class: "acts" });
  acts.append(...kinds.map((kind) => act(element, item, kind, shown)));
  element.append(acts);
  return element;
}

// Wherever the same item is shown, what was said of it is.
on("feedback", ({ item, kind }) => {
  for (const element of document.querySelectorAll(".card")) {
    if (element.dataset.item !== item.item_id) continue;
    for (const button of element.querySelectorAll("[data-kind]")) {
      button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    }
  }
});

export function reason(text) {
  return make("p", { class: "reason", lang: "en" }, foreign(text));
}

export function sources(item) {
  const tags = item.sources.map(({ name, rank }) =>
    word(make("span", { class: "tag" }), "source.of", { "@name": `name.${name}`, rank }));
  return make("div", { class: "tags" }, ...tags);
}

export function numbers(item) {
  const largest = Math.max(...item.parts.map((part) => Math.abs(part.contribution)), 1e-9);
  const rows = item.parts.map((part) => {
    const bar = make("span", { class: "bar" });
    bar.style.width = `${(Math.abs(part.contribution) / largest) * 3}rem`;
    return make("tr", {},
      word(make("th", { scope: "row" }), `name.${part.name}`),
      make("td", {}, number(part.value)),
      make("td", {}, number(part.weight)),
      make("td", {}, bar, number(part.contribution)));
  });
  const head = ["name", "value", "weight", "adds"].map((name) => word(make("th", { scope: "col" }), `part.${name}`));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  const sum = word(make("p"), "score.sum", { score: number(item.score), rank: item.retrieval_rank });
  return make("details", {}, word(make("summary"), "numbers"), sources(item), make("div", { class: "scroll" }, table), sum);
}
