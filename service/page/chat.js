// The conversation. Its state is the page's: the service keeps none.
import { stream } from "./api.js";
import { card, reason } from "./cards.js";
import { byId, foreign, make, told } from "./dom.js";
import { now, on, tell } from "./shared.js";
import { word } from "./words.js";

let state = null;
let running = null;

function say(mine, ...children) {
  const log = byId("chat-log");
  const bubble = make("div", { class: mine ? "said mine" : "said" }, ...children);
  log.append(bubble);
  log.scrollTop = log.scrollHeight;
  return bubble;
}

async function send(text) {
  running = new AbortController();
  byId("chat-some").hidden = true;
  const button = byId("chat-form").querySelector("button");
  button.disabled = true;
  say(true, word(make("span", { class: "unseen" }), "chat.you"), make("p", {}, foreign(text)));
  const bubble = say(false);
  const waiting = word(make("p", { class: "small" }), "chat.thinking");
  bubble.append(waiting);
  try {
    await stream("v1/chat/stream", { message: text, state, user_id: now.user }, (event, data) => {
      waiting.remove();
      if (event === "line") bubble.append(make("p", {}, foreign(data)));
      else if (event === "reply") reply(bubble, data);
      else throw new Error(data.detail);
    }, running.signal);
  } catch (error) {
    bubble.remove();
    told(error);
  }
  button.disabled = false;
}

// The reply's text as told so far gives way to its parts: the same words, each item where something can be done with it.
function reply(bubble, answer) {
  state = answer.state;
  if (answer.items.length) {
    const [first] = bubble.children;
    const cards = answer.items.map(({ item, reason: why }) => {
      const element = card("li", item, { rank: item.rank, shown: () => ({ request_id: answer.request_id, rank: item.rank }) });
      element.querySelector(".acts").before(reason(why));
      return element;
    });
    bubble.replaceChildren(first, make("ol", { class: "cards" }, ...cards));
    for (const note of answer.notes) bubble.append(make("p", { class: "small" }, foreign(note)));
    if (answer.question) bubble.append(make("p", {}, foreign(answer.question)));
  } else if (answer.understood) {
    bubble.append(word(make("p", { class: "small" }), "chat.understood", { text: answer.understood }));
  }
  bubble.lang = answer.language;
  byId("chat-log").scrollTop = Math.max(0, bubble.previousSibling.offsetTop - byId("chat-log").offsetTop);
  if (answer.kept.length) {
    const [first] = answer.kept;
    const item = answer.items.find((one) => one.item.item_id === first.item_id)?.item;
    tell("feedback", { item: item ?? { item_id: first.item_id, title: first.item_id }, kind: first.liked ? "like" : "dislike" });
  }
}

function clear() {
  running?.abort();
  state = null;
  byId("chat-log").replaceChildren();
  byId("chat-some").hidden = false;
}

export function startChat() {
  byId("chat-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("chat-text").value.trim();
    if (!text || byId("chat-form").querySelector("button").disabled) return;
    byId("chat-text").value = "";
    send(text);
  });
  byId("chat-new").addEventListener("click", () => {
    clear();
    byId("chat-text").focus();
  });
  for (const button of byId("chat-some").children) {
    button.addEventListener("click", () => {
      send(button.textContent);
      byId("chat-text").focus();
    });
  }
  on("user", clear);
}
