// What the views tell each other: who the user is, what they said of an item, which list is shown.
import { post, remove, segment } from "./api.js";
import { told } from "./dom.js";

export const news = new EventTarget();
export const now = { user: null, fresh: false, answer: null, asked: null };

export function tell(name, detail) {
  news.dispatchEvent(new CustomEvent(name, { detail }));
}

export const on = (name, listener) => news.addEventListener(name, (event) => listener(event.detail));

// `shown` names the list that the item was in, if it was in one.
export async function give(item, kind, shown) {
  const user = now.user;
  try {
    await post("v1/feedback", {
      user_id: user,
      item_id: item.item_id,
      kind,
      ...(shown ? { request_id: shown.request_id, rank: shown.rank } : {}),
    });
    if (now.user === user) tell("feedback", { item, kind });
    return true;
  } catch (error) {
    told(error);
    return false;
  }
}

export async function takeBack(item) {
  try {
    await remove(`v1/users/${segment(now.user)}/interactions/${segment(item.item_id)}`);
    tell("feedback", { item, kind: "undo" });
  } catch (error) {
    told(error);
  }
}
