// The catalogue: searched by words, or page by page.
import { get, segment } from "./api.js";
import { card } from "./cards.js";
import { byId, told } from "./dom.js";
import { now, on } from "./shared.js";
import { word } from "./words.js";

const PAGE = 20;
let cursor = null;
let running = null;

const rows = (items) => items.map((item) => card("li", item, { description: item.description }));

async function load(path, show) {
  running?.abort();
  running = new AbortController();
  try {
    show(await get(path, running.signal));
  } catch (error) {
    told(error);
  }
}

function page(after) {
  return load(`v1/items?limit=${PAGE}${after ? `&cursor=${segment(after)}` : ""}`, (answer) => {
    const added = rows(answer.items.filter((item) => !item.hidden));
    if (after) byId("found").append(...added);
    else byId("found").replaceChildren(...added);
    if (after) added[0]?.querySelector("button")?.focus();
    cursor = answer.cursor;
    byId("more").hidden = cursor === null;
    word(byId("search-status"), "search.all");
  });
}

function search() {
  const text = byId("search-text").value.trim();
  if (!text) return page(null);
  return load(`v1/search?n=${PAGE}&q=${segment(text)}`, (answer) => {
    byId("found").replaceChildren(...rows(answer.items));
    byId("more").hidden = true;
    word(byId("search-status"), "search.found", { n: answer.items.length });
  });
}

export function startCatalogue() {
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  byId("more").addEventListener("click", () => page(cursor));
  on("view", (view) => {
    if (view === "catalogue" && !byId("found").children.length) search();
  });
  on("user", () => {
    byId("found").replaceChildren();
    byId("search-text").value = "";
  });
}
