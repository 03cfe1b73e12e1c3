// What the page knows, in one place, and who wants to hear of changes.
import { shown } from "./shown.js";

export const state = {
  dataset: null,
  version: "",
  stale: false, // whether the dataset was replaced by another program and the page shows the earlier one
  map: "pca", // the one that is shown
  positions: null, // x and y of each row on it
  columns: {}, // by name, one value for each row
  colour: "label", // the column that colours the points
  hidden: new Map(), // by column, the categories that the legend hides
  visible: null, // 1 for each row that no legend hides
  selected: null, // 1 for each row of the selection
  selection: [], // its rows, in the order of selecting
  open: -1, // the row in the panel
  paths: new Map(), // those of rows that were asked for
};

const bus = new EventTarget();

// Changes are named by what changed: dataset, positions, columns, colour, filter, selection, open, rows.
export const on = (names, listener) => names.split(" ").forEach((name) => bus.addEventListener(name, (event) => listener(event.detail)));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

export const element = (id) => document.getElementById(id);

const read = new Set(["textContent", "title", "alt", "aria-label"]); // what people read of an element
const visible = (text) => (typeof text === "string" ? shown(text) : text);

// set changes a property or attribute of an element. Of names that people read, what is hidden in them is shown: texts get
// into the page by set, make and say alone.
export function set(target, name, value) {
  if (read.has(name)) value = visible(value);
  if (name.includes("-") || name === "role") target.setAttribute(name, value);
  else target[name] = value;
}

// make is a new element with properties and children.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(made, name, value);
  made.append(...children.map(visible));
  return made;
}

// select makes rows the selection, or adds them to it or removes them; rows that a legend hides stay
// as they are.
export function select(rows, how = "replace") {
  const reached = rows.filter((row) => state.visible[row]);
  if (how === "remove") {
    for (const row of reached) state.selected[row] = 0;
    state.selection = state.selection.filter((row) => state.selected[row]);
  } else {
    if (how === "replace") {
      state.selected.fill(0);
      state.selection = [];
    }
    for (const row of reached) {
      if (!state.selected[row]) state.selection.push(row);
      state.selected[row] = 1;
    }
  }
  emit("selection");
  const n = state.selection.length;
  say(n ? `${count(n, "row")} selected` : "nothing is selected");
}

export function open(row) {
  state.open = row;
  emit("open");
}

export const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

// say tells those who listen to the page instead of looking at it.
export const say = (text) => set(element("live"), "textContent", text);

// complain shows an error until it is closed or a while has passed.
export function complain(error) {
  if (!error.message || error.shown) return;
  error.shown = true;
  const text = error.message[0].toUpperCase() + error.message.slice(1);
  if ([...element("toasts").children].some((toast) => toast.firstChild.textContent === visible(text))) return;
  const toast = make("div", { className: "card toast" }, make("span", { textContent: text }));
  toast.append(make("button", { type: "button", textContent: "Close", onclick: () => toast.remove() }));
  element("toasts").append(toast);
  setTimeout(() => toast.remove(), 15000);
}
