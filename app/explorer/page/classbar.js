// The buttons that label, by class, and the field for a new one; undo and redo.
import { assign, redo, undo } from "./labels.js";
import { digit, marks, put } from "./grid.js";
import { list } from "./list.js";
import { swatch } from "./panel.js";
import { element, make, on, set, state } from "./state.js";

const bar = element("class-buttons"), field = element("new-class");
let drawn = "";

// draw makes the buttons anew if the classes are others, so that whoever is at one of them stays there.
function draw() {
  const labels = state.dataset.labels || {}, writable = labels.writable !== false;
  element("undo").disabled = !labels.undo;
  element("redo").disabled = !labels.redo;
  element("read-only").hidden = writable;
  set(element("read-only"), "textContent", writable ? "" : labels.why || "Labels cannot be written.");
  field.disabled = !writable;
  const wanted = JSON.stringify([state.dataset.classes, writable]);
  if (wanted === drawn) return;
  drawn = wanted;
  const buttons = state.dataset.classes.map((name, i) =>
    make("button", { type: "button", title: i < 9 ? `Label with ${name} (${i + 1})` : `Label with ${name}`, disabled: !writable, onclick: () => put(name) },
      ...(i < 9 ? [make("kbd", { textContent: i + 1 })] : []), swatch(i), name));
  const clear = make("button", { type: "button", title: "Clear the label (0)", disabled: !writable, onclick: () => put("") }, make("kbd", { textContent: "0" }), "no label");
  bar.replaceChildren(...buttons, clear);
}

function count() {
  const n = marks.size || Math.min(1, list.rows.length);
  element("marked").textContent = marks.size > 1 ? `Label ${n.toLocaleString("en")} as` : "Label as";
}

export function start() {
  on("dataset labelled", draw);
  on("marks", count);
  field.onkeydown = (event) => {
    if (event.key !== "Enter" || !field.value.trim()) return;
    put(state.dataset.classes.includes(field.value) ? field.value : field.value.trim()); // classes may differ by a blank
    field.value = "";
    element("grid").focus();
  };
  element("undo").onclick = undo;
  element("redo").onclick = redo;
  // The keys of the grid also label the row whose panel has the focus.
  element("panel").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || state.open < 0 || digit(event.key) === undefined) return;
    event.preventDefault();
    assign([state.open], digit(event.key));
  });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches("input")) return;
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
  });
}
