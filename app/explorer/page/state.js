// What the page knows, in one place, and who wants to hear of changes.

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

// make is a new element with properties and children.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
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
export const say = (text) => (element("live").textContent = text);

// complain shows an error until it is closed or a while has passed.
export function complain(error) {
  if (!error.message || error.shown) return;
  error.shown = true;
  const text = error.message[0].toUpperCase() + error.message.slice(1);
  const shown = [...element("toasts").children].find((toast) => toast.firstChild.textContent === text);
  if (shown) return;
  const toast = make("div", { className: "card toast" }, make("span", { textContent: text }));
  toast.append(make("button", { type: "button", textContent: "Close", onclick: () => toast.remove() }));
  element("toasts").append(toast);
  setTimeout(() => toast.remove(), 15000);
}
