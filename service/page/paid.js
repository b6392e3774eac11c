// What somebody pays for: never without its mark, and with no part in the list's order.
import { card, reason } from "./cards.js";
import { make } from "./dom.js";
import { word } from "./words.js";

function entry(told, request) {
  const element = card("li", told, {
    kinds: ["like", "dislike", "dismiss"],
    description: told.creative,
    shown: () => ({ request_id: request }),
  });
  element.classList.add("paid");
  element.prepend(word(make("p", { class: "mark" }), "paid"));
  element.querySelector(".acts").before(reason(told.reason));
  return element;
}

// The rows with what is paid for at its slots, counted over both.
export function withPaid(rows, answer) {
  const all = [...rows];
  for (const told of answer.sponsored) all.splice(told.slot - 1, 0, entry(told, answer.request_id));
  return all;
}
