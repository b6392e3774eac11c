// What a newcomer is asked, so that one answer makes the list theirs.
import { get } from "./api.js";
import { card } from "./cards.js";
import { byId, told } from "./dom.js";
import { now, on, tell } from "./shared.js";

export function startPicks() {
  byId("picks-done").addEventListener("click", () => {
    byId("picks").hidden = true;
    byId("list-title").focus();
  });
  on("user", async () => {
    byId("picks").hidden = true;
    byId("picks-list").replaceChildren();
    if (!now.fresh) return;
    try {
      const { items } = await get("v1/picks?n=8");
      for (const item of items) tell("domain", item.domain);
      byId("picks-list").replaceChildren(...items.map((item) => card("li", item)));
      byId("picks").hidden = items.length === 0;
    } catch (error) {
      told(error);
    }
  });
}
