// The legend of the colours, which is also the filter: a click hides or shows a category, with shift it shows
// only that one.
import { columns, css, onScheme, scale } from "./colours.js";
import { element, emit, make, on, say, state } from "./state.js";

const root = element("legend"), chooser = element("colour");

function counts(scaled) {
  const counted = new Array(scaled.entries.length).fill(0);
  for (let row = 0; row < scaled.values.length; row++) counted[scaled.of(scaled.values[row])]++;
  return counted;
}

// toggle hides or shows a category; alone shows only it, or all if it already is the only one.
function toggle(category, alone, categories) {
  const hidden = state.hidden.get(state.colour) || new Set();
  if (alone) {
    const others = categories.filter((c) => c !== category), only = others.every((c) => hidden.has(c)) && !hidden.has(category);
    hidden.clear();
    if (!only) others.forEach((c) => hidden.add(c));
  } else if (!hidden.delete(category)) {
    hidden.add(category);
  }
  state.hidden.set(state.colour, hidden);
  emit("filter");
  draw();
  say(`${shown().toLocaleString("en")} rows are shown`);
}

const shown = () => state.visible.reduce((a, b) => a + b, 0);

function draw() {
  const scaled = scale(state.colour);
  if (!scaled) {
    root.replaceChildren();
    root.hidden = true;
    return;
  }
  root.hidden = false;
  const counted = counts(scaled), hidden = state.hidden.get(state.colour) || new Set();
  const categories = counted.map((_, i) => i).filter((i) => counted[i] > 0 || hidden.has(i) || (!scaled.numbers && i !== scaled.none));
  const focused = document.activeElement && document.activeElement.dataset.category;
  const heading = make("div", { className: "heading" }, make("strong", { textContent: columns[state.colour].title }));
  if ([...state.hidden.values()].some((set) => set.size)) {
    const clear = make("button", { type: "button", id: "show-all", textContent: "Show all" });
    clear.onclick = () => {
      state.hidden.clear();
      emit("filter");
      draw();
    };
    heading.append(clear);
  }
  const list = make("div", { className: "entries" });
  for (const i of categories) {
    const entry = scaled.entries[i], swatch = make("span", { className: "swatch" });
    swatch.style.background = css(entry.colour);
    const button = make("button", { type: "button", className: "entry", "aria-pressed": String(!hidden.has(i)), title: "Click hides or shows, shift-click shows only this" },
      swatch, make("span", { className: "name", textContent: entry.title }), make("span", { className: "quiet n", textContent: counted[i].toLocaleString("en") }));
    button.dataset.category = i;
    button.onclick = (event) => toggle(i, event.shiftKey, categories);
    list.append(button);
    if (focused === String(i)) queueMicrotask(() => button.focus());
  }
  root.replaceChildren(heading, list, ...elsewhere());
}

// elsewhere says that other columns hide rows, too.
function elsewhere() {
  const others = [...state.hidden].filter(([column, hidden]) => column !== state.colour && hidden.size);
  return others.length ? [make("p", { className: "quiet", textContent: "Also filtered by " + others.map(([column]) => columns[column].title).join(", ") })] : [];
}

// choose offers the columns that there are.
function choose() {
  const there = Object.keys(columns).filter((name) => state.columns[name]);
  chooser.replaceChildren(...there.map((name) => make("option", { value: name, textContent: columns[name].title })));
  if (!there.includes(state.colour)) state.colour = there[0] || "label";
  chooser.value = state.colour;
}

export function start() {
  chooser.onchange = () => {
    state.colour = chooser.value;
    emit("colour");
  };
  on("columns dataset colour", choose);
  on("columns dataset colour", draw);
  onScheme(draw);
}
