// Evaluation reports: which runs there are, and how the arms of one compare.
import { get, segment } from "./api.js";
import { byId, foreign, make, told } from "./dom.js";
import { on } from "./shared.js";
import { label, word } from "./words.js";

const SHARES = new Set(["ndcg", "recall", "hit", "hitrate", "mrr", "map", "ap", "auc", "accuracy", "precision", "success"]);
const UPPER = new Set(["ndcg", "mrr", "map", "auc", "rmse", "mae", "ece"]);
const DASH = "–";
let running = null;

function named(metric) {
  const [base, at] = metric.split("@");
  const words = UPPER.has(base) ? base.toUpperCase() : base[0].toUpperCase() + base.slice(1).replaceAll("_", " ");
  return at ? `${words}@${at}` : words;
}

// Shares of 1 are shown times 100, as in the written report.
function shown(metric, value, sign = "") {
  if (value === null || value === undefined) return DASH;
  const share = SHARES.has(metric.split("@")[0].replace(/[-_]/g, ""));
  const text = share ? (value * 100).toFixed(1) : value.toFixed(3);
  const plain = Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  return sign && Number(text) > 0 ? sign + plain : plain;
}

function cell(metric, estimate, { best = false, sign = "" } = {}) {
  const value = shown(metric, estimate?.value, sign);
  const td = make("td", {}, best ? make("strong", {}, value) : value);
  if (estimate && estimate.low !== null && estimate.high !== null && value !== DASH) {
    const bounds = { low: shown(metric, estimate.low, sign), high: shown(metric, estimate.high, sign) };
    td.append(make("span", { class: "between" }, "(", word(make("span"), "runs.between", bounds), ")"));
  }
  return td;
}

function p(difference) {
  const value = difference?.p_holm ?? difference?.p;
  if (value === null || value === undefined) return DASH;
  return value < 0.001 ? "<0.001" : value.toFixed(3);
}

function table(run) {
  const way = (metric) => (run.higher_is_better[metric] === false ? 1 : -1);
  const value = (arm, metric) => arm.metrics[metric]?.value ?? null;
  // Less is better here, whatever the metric; no value comes last.
  const place = (arm, metric) => (value(arm, metric) === null ? Infinity : way(metric) * value(arm, metric));
  const arms = [...run.arms].sort((a, b) => (place(a, run.metric) > place(b, run.metric)) - (place(a, run.metric) < place(b, run.metric)));
  const best = Object.fromEntries(run.metrics.map((metric) => [metric, Math.min(...arms.map((arm) => place(arm, metric)))]));
  const head = [
    word(make("th", { scope: "col" }), "runs.arm"),
    ...run.metrics.map((metric) => make("th", { scope: "col" }, named(metric))),
    ...(run.baseline === null ? [] : [
      word(make("th", { scope: "col" }), "runs.difference", { metric: named(run.metric), baseline: run.baseline }),
      word(make("th", { scope: "col" }), "runs.p"),
    ]),
    word(make("th", { scope: "col" }), "runs.n"),
  ];
  const rows = arms.map((arm) => {
    const name = make("th", { scope: "row" }, foreign(arm.name));
    if (arm.llm) name.append(" ", word(make("span", { class: "tag" }), "runs.llm"));
    const difference = arm.differences[run.metric];
    return make("tr", {}, name,
      ...run.metrics.map((metric) => cell(metric, arm.metrics[metric], { best: value(arm, metric) !== null && place(arm, metric) === best[metric] })),
      ...(run.baseline === null ? [] : [cell(run.metric, difference, { sign: "+" }), make("td", {}, p(difference))]),
      make("td", {}, String(arm.n)));
  });
  const made = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  const region = make("div", { class: "scroll", role: "region", tabindex: "0" }, made);
  return label(region, "runs.compared", { name: run.name });
}

function verdict({ outcome }) {
  return word(make("span", { class: `tag verdict ${outcome}` }), `runs.${outcome === "none" ? "nothing" : outcome}`);
}

function details(run) {
  return [
    make("p", { class: "reason", lang: "en" }, foreign([run.verdict.sentence, ...run.verdict.details].join(" "))),
    table(run),
    word(make("p", { class: "small" }), "runs.note", { metric: named(run.metric) }),
  ];
}

function summary(run, folder) {
  const facts = { folder, dataset: run.dataset, cases: run.cases, date: run.started?.slice(0, 10) ?? DASH };
  return [
    make("div", { class: "title" }, foreign(run.name), verdict(run.verdict)),
    word(make("div", { class: "facts" }), "runs.facts", facts),
  ];
}

async function open(box, folder) {
  if (!box.open || box.dataset.asked) return;
  box.dataset.asked = "yes";
  try {
    const { runs } = await get(`v1/evaluations/${segment(folder)}`);
    const body = runs.flatMap((run) => [...(runs.length > 1 ? [make("h3", {}, foreign(run.name))] : []), ...details(run)]);
    box.append(...body);
  } catch (error) {
    delete box.dataset.asked;
    told(error);
  }
}

function entry({ folder, runs, problem }) {
  if (problem !== null) {
    return make("li", { class: "card" }, make("div", { class: "title" }, foreign(folder)), make("p", { class: "facts", lang: "en" }, problem));
  }
  const box = make("details", { class: "run" }, make("summary", {}, make("div", {}, ...runs.flatMap((run) => summary(run, folder)))));
  box.addEventListener("toggle", () => open(box, folder));
  return make("li", { class: "card" }, box);
}

async function load() {
  running?.abort();
  running = new AbortController();
  word(byId("runs-status"), "runs.loading");
  try {
    const { evaluations } = await get("v1/evaluations", running.signal);
    byId("runs").replaceChildren(...evaluations.map(entry));
    word(byId("runs-status"), evaluations.length ? "runs.some" : "runs.none", { n: evaluations.length });
  } catch (error) {
    if (error.name !== "AbortError") byId("runs-status").textContent = "";
    told(error);
  }
}

export function startRuns() {
  on("view", (view) => { if (view === "runs") load(); });
}
