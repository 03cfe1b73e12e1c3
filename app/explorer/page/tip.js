// What hovering over a point shows: the path and the picture of its row.
import { thumb } from "./api.js";
import { label, path } from "./rows.js";
import { element, on, set, state } from "./state.js";

const tip = element("tip"), picture = tip.querySelector("img"), text = tip.querySelector("span");
let shown = -1;

picture.onerror = () => (picture.hidden = true);

// hover shows the tip of a row at a place of the stage, or none.
export function hover(row = -1, x = 0, y = 0) {
  tip.hidden = row < 0;
  if (row < 0) {
    shown = -1;
    return;
  }
  if (row !== shown) {
    shown = row;
    picture.hidden = !state.dataset.images;
    if (state.dataset.images) picture.src = thumb(row, 128);
    write();
  }
  const stage = element("stage");
  const right = x + 16 + tip.offsetWidth > stage.clientWidth, low = y + 16 + tip.offsetHeight > stage.clientHeight;
  tip.style.transform = `translate(${Math.max(0, right ? x - 12 - tip.offsetWidth : x + 16)}px, ${Math.max(0, low ? y - 12 - tip.offsetHeight : y + 16)}px)`;
}

function write() {
  const name = label(shown);
  set(text, "textContent", (path(shown) || `row ${shown}`) + (name ? ` · ${name}` : ""));
}

on("rows", () => shown >= 0 && write());
