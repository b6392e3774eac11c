// The key, where the service asks for one: kept in this tab only, sent with every request, forgotten at a click.
import { byId } from "./dom.js";
import { word } from "./words.js";

const KEPT = "fewrec-key";
let asking = null;

export const keptKey = () => sessionStorage.getItem(KEPT);

// Resolves to whether there is another key than the one that was refused. Requests that fail together ask once.
export function otherKey(refused) {
  if (keptKey() !== refused) return Promise.resolve(keptKey() !== null);
  asking ??= askFor(refused).finally(() => { asking = null; });
  return asking;
}

function askFor(refused) {
  const dialog = byId("key");
  word(byId("key-why"), refused === null ? "key.ask" : "key.refused");
  byId("key-text").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue;
      byId("key-text").value = "";
      if (given) sessionStorage.setItem(KEPT, given);
      show();
      resolve(given !== "");
    }, { once: true });
  });
}

function show() {
  byId("key-forget").hidden = keptKey() === null;
}

export function startKey(forgotten) {
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = byId("key-text").value.trim();
    // A header holds no other characters, and a key of ours never does.
    if (/^[\x21-\x7e]+$/.test(given)) byId("key").close(given);
    else word(byId("key-why"), "key.refused");
  });
  byId("key-cancel").addEventListener("click", () => byId("key").close(""));
  byId("key-forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    show();
    forgotten();
  });
  show();
}
