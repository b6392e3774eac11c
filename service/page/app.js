// Starts the page: who the user is, and which view is open.
import { get, put, segment } from "./api.js";
import { startCatalogue } from "./catalogue.js";
import { startChat } from "./chat.js";
import { byId, make, quiet, told } from "./dom.js";
import { startKey } from "./key.js";
import { startList } from "./list.js";
import { startPicks } from "./picks.js";
import { startRuns } from "./runs.js";
import { startSaw } from "./saw.js";
import { now, tell } from "./shared.js";
import { startWords } from "./words.js";

const KEPT = "fewrec-user";
const SUGGESTED = 5;
const VIEWS = ["list", "catalogue", "saw", "runs"];

function open(view, focus) {
  byId("shop").dataset.view = view;
  // Where the window is wide, the chat stands beside the others.
  if (view !== "chat") for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.view === view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  tell("view", view);
  if (focus) byId(`${view}-title`).focus();
}

function become(user, fresh) {
  quiet();
  now.user = user;
  now.fresh = fresh;
  sessionStorage.setItem(KEPT, JSON.stringify({ user, fresh }));
  delete byId("shop").dataset.nobody;
  byId("start").hidden = byId("shop").hidden = true;
  byId(user === null ? "start" : "shop").hidden = false;
  byId("who").hidden = user === null;
  byId("who-name").textContent = user ?? "";
  tell("user", user);
  if (user === null) start();
  else open("list", true);
}

// Evaluations are of nobody.
function measured() {
  byId("start").hidden = true;
  byId("shop").hidden = byId("who").hidden = false;
  byId("shop").dataset.nobody = "";
  open("runs", true);
}

async function known(user, fresh = false) {
  try {
    await get(`v1/users/${segment(user)}`);
    become(user, fresh);
  } catch (error) {
    if (now.user === null) become(null, false);
    told(error);
  }
}

async function newcomer() {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  const user = `visitor-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    await put(`v1/users/${user}`, {});
    become(user, true);
  } catch (error) {
    told(error);
  }
}

async function start() {
  byId("start-title").setAttribute("tabindex", "-1");
  try {
    const { users } = await get("v1/users?limit=200").catch((error) => {
      // Not every key may list the users.
      if (error.status === 403) return { users: [] };
      throw error;
    });
    byId("users").replaceChildren(...users.map((user) => make("option", { value: user.user_id })));
    // Ids often begin with what kind of user it is, so some from all over the list.
    const step = Math.max(1, Math.floor(users.length / SUGGESTED));
    byId("start-some").replaceChildren(...users.filter((_, at) => at % step === 0).slice(0, SUGGESTED).map((user) =>
      make("button", { type: "button", onclick: () => known(user.user_id) }, user.user_id)));
  } catch (error) {
    told(error);
  }
}

async function main() {
  await startWords();
  startKey(() => {
    // What was read with the key goes with it.
    sessionStorage.removeItem(KEPT);
    location.reload();
  });
  for (const begin of [startList, startPicks, startCatalogue, startChat, startSaw, startRuns]) begin();
  byId("problem-close").addEventListener("click", quiet);
  byId("leave").addEventListener("click", () => {
    become(null, false);
    byId("start-title").focus();
  });
  byId("start-new").addEventListener("click", newcomer);
  byId("start-runs").addEventListener("click", measured);
  byId("start-form").addEventListener("submit", (event) => {
    event.preventDefault();
    known(byId("start-user").value.trim());
  });
  for (const button of document.querySelectorAll("nav button")) {
    button.addEventListener("click", () => open(button.dataset.view, true));
  }
  const { user = null, fresh = false } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  if (user === null) become(null, false);
  else known(user, fresh);
}

main().catch(told);
