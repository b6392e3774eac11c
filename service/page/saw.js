// What the model saw for the list: the prompt, the scores of every stage, what was dropped.
import { post } from "./api.js";
import { byId, foreign, make, number, told } from "./dom.js";
import { now, on } from "./shared.js";
import { label, word } from "./words.js";

let shown = null;

const heading = (key) => word(make("h3"), key);

function summary(answer) {
  const { counts, model, template } = answer;
  const rows = [["saw.by", word(make("span"), `ranked.${answer.ranked_by}`)]];
  if (answer.degraded) {
    rows.push(["saw.rung", word(make("span"), "degraded", { "@reason": `reason.${answer.reason}`, "@rung": `rung.${answer.rung}` })]);
  }
  if (model) {
    rows.push(["saw.model", make("span", {}, foreign(`${model.name} · ${model.device} · ${model.dtype} `),
      model.adapter ? word(make("span"), "saw.adapter", { name: model.adapter }) : "")]);
  }
  if (answer.strategy) rows.push(["saw.strategy", answer.strategy]);
  if (template) rows.push(["saw.template", `${template.name} ${template.version} (${template.language}, ${template.digest})`]);
  rows.push(["saw.candidates", String(counts.candidates)]);
  if (model) {
    rows.push(["saw.history", word(make("span"), "saw.of", { n: counts.history_shown, all: counts.history })]);
    rows.push(["saw.demonstrations", String(counts.demonstrations)]);
    rows.push(["saw.tokens", String(counts.prompt_tokens)], ["saw.calls", String(counts.model_calls)]);
  }
  return make("dl", {}, ...rows.flatMap(([key, value]) => [word(make("dt"), key), make("dd", {}, value)]));
}

function dropped(answer) {
  const lost = Object.entries(answer.dropped).filter(([, n]) => n > 0).map(([name, n]) => word(make("li"), `saw.dropped.${name}`, { n }));
  const rest = answer.counts.candidates - answer.items.length;
  if (!lost.length) lost.push(word(make("li"), "saw.dropped.none"));
  if (rest > 0) lost.push(word(make("li"), "saw.dropped.rest", { n: rest }));
  return make("ul", {}, ...lost, ...answer.notes.map((note) => make("li", { lang: "en" }, foreign(note))));
}

function times(answer) {
  const longest = Math.max(...answer.timings.map((stage) => stage.seconds), 1e-9);
  return make("dl", {}, ...answer.timings.flatMap(({ stage, seconds }) => {
    const bar = make("span", { class: "bar" });
    bar.style.width = `${(seconds / longest) * 60}%`;
    return [word(make("dt"), `stage.${stage}`), make("dd", {}, bar, `${Math.round(seconds * 1000)} ms`)];
  }));
}

function turn(role, ...content) {
  return make("section", { class: "turn" }, make("h4", {}, role), make("pre", {}, ...content));
}

function prompt(asked, answer) {
  const parts = asked.turns.map(({ role, content }) => turn(role, content));
  const { slot } = asked;
  const all = [];
  if (slot && slot.branches.length) {
    const filling = make("mark");
    const select = make("select", { id: "saw-slot" });
    slot.branches.forEach((branch, at) => select.append(make("option", { value: at }, branch.trim() || "…")));
    const first = answer.items[0];
    const one = slot.branches.length === answer.counts.candidates && first ? first.retrieval_rank - 1 : 0;
    const fill = () => { filling.textContent = slot.branches[Number(select.value)]; };
    select.value = String(one);
    select.addEventListener("change", fill);
    fill();
    all.push(make("p", { class: "row" }, word(make("label", { for: "saw-slot" }), "saw.slot"), select));
    parts.push(turn(slot.role, slot.before, filling, slot.after));
  }
  if (!slot || slot.role === "user") parts.push(turn("assistant", asked.answer, " …"));
  const compared = asked.labels
    ? word(make("p", { class: "small" }), "saw.labels", { labels: asked.labels.map((one) => one.trim()).join(" / ") })
    : word(make("p", { class: "small" }), slot ? "saw.likelihood" : "saw.writes");
  return [...all, ...parts, compared];
}

function scores(answer) {
  // What could be measured on no item, such as words that nobody gave, has no column.
  const names = [...new Set(answer.items.flatMap((item) => item.parts.filter((part) => part.value !== null).map((part) => part.name)))];
  const head = ["#", ["saw.title", "words"], ["saw.retrieved"], ["saw.llm"], ...names.map((name) => [`name.${name}`, "adds"]), ["saw.fused"]].map((key) =>
    key === "#" ? make("th", { scope: "col" }, "#") : word(make("th", { scope: "col", class: key[1] ?? "" }), key[0]));
  const rows = answer.items.map((item) => make("tr", {},
    make("td", {}, String(item.rank)),
    make("td", { class: "words" }, foreign(item.title)),
    make("td", {}, String(item.retrieval_rank)),
    make("td", {}, number(item.llm_score)),
    ...names.map((name) => make("td", {}, number(item.parts.find((part) => part.name === name)?.contribution))),
    make("td", {}, number(item.score))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  return label(make("div", { class: "scroll", role: "region", tabindex: "0" }, table), "saw.scores");
}

async function load() {
  const answer = now.answer;
  if (!answer || shown === answer) return;
  shown = answer;
  word(byId("saw-status"), "saw.loading");
  const body = byId("saw");
  body.replaceChildren(heading("saw.answer"), summary(answer), heading("saw.dropped"), dropped(answer),
    heading("saw.times"), times(answer), heading("saw.scores"), scores(answer));
  try {
    const asked = answer.model ? (await post("v1/prompt", now.asked)).prompt : null;
    if (shown !== answer) return;
    if (!asked) {
      word(byId("saw-status"), "saw.none");
      return;
    }
    const same = asked.digest === answer.prompt_digest;
    word(byId("saw-status"), same ? "saw.same" : "saw.changed", { digest: asked.digest });
    body.append(heading("saw.prompt"), ...prompt(asked, answer));
  } catch (error) {
    shown = null;
    told(error);
  }
}

export function startSaw() {
  const open = () => { if (!byId("view-saw").hidden) load(); };
  on("view", open);
  on("list", open);
  on("user", () => {
    shown = null;
    byId("saw").replaceChildren();
  });
}
