// Elements. Text goes in as text, never as markup, whoever wrote it.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Text of unknown language and direction.
export const foreign = (text) => make("bdi", {}, text);

export function number(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(3);
}

export function told(error) {
  if (error.name === "AbortError") return;
  byId("problem-text").textContent = error.message;
  byId("problem").hidden = false;
}

export function quiet() {
  byId("problem").hidden = true;
}
