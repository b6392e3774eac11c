// Every text of the page in the reader's language. A text is known by its key, so that a switch finds all of them.

const LANGUAGES = ["en", "zh"];
const KEPT = "fewrec-language";
const dictionaries = {};
let current = "en";

export function say(key, values = {}) {
  const text = dictionaries[current]?.[key] ?? dictionaries.en?.[key] ?? key.replace(/^[a-z]+\./, "");
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// The element's text. Values whose name begins with "@" are keys, which are themselves said in the reader's language.
export function word(element, key, values = {}) {
  element.dataset.word = key;
  element.dataset.values = JSON.stringify(values);
  speak(element);
  return element;
}

export function label(element, key, values = {}) {
  element.dataset.label = key;
  element.dataset.labelValues = JSON.stringify(values);
  speak(element);
  return element;
}

function read(given) {
  const values = JSON.parse(given || "{}");
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("@")) values[name.slice(1)] = say(value);
  }
  return values;
}

function speak(element) {
  const { word: key, label: named, hint } = element.dataset;
  if (key) element.textContent = say(key, read(element.dataset.values));
  if (named) element.setAttribute("aria-label", say(named, read(element.dataset.labelValues)));
  if (hint) element.setAttribute("placeholder", say(hint));
}

function show() {
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-word], [data-label], [data-hint]")) speak(element);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}

async function load(language) {
  dictionaries[language] ??= await (await fetch(`page/${language}.json`)).json();
}

export async function startWords() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages.map((one) => one.slice(0, 2))];
  current = wanted.find((one) => LANGUAGES.includes(one)) ?? "en";
  await Promise.all([load("en"), load(current)]);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", async () => {
      await load(button.dataset.language);
      current = button.dataset.language;
      localStorage.setItem(KEPT, current);
      show();
    });
  }
  show();
}
