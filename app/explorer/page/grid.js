// The grid of pictures, of which only those in view are in the page, and the keys that label them.
import * as api from "./api.js";
import { ofClass } from "./colours.js";
import { assign } from "./labels.js";
import { list } from "./list.js";
import { label, path } from "./rows.js";
import { element, emit, make, on, open, say, set, state } from "./state.js";

const grid = element("grid"), sizer = element("sizer");
const least = 112, caption = 24, gap = 8;
const mostHeight = 16e6; // pixels: browsers cut longer elements off
const cells = new Map(); // by place in the list
export const marks = new Set(); // places that are marked
let cursor = 0, anchor = 0;
let current = -1; // the row at the cursor

function measure() {
  const width = grid.clientWidth - gap;
  const columns = Math.max(2, Math.floor(width / (least + gap)));
  const side = Math.floor(width / columns - gap);
  const height = (state.dataset && state.dataset.images ? side : 46) + caption + gap;
  return { columns, side, height };
}

function draw() {
  if (!state.dataset) return;
  const { columns, side, height } = measure(), n = list.rows.length;
  const total = Math.min(mostHeight, Math.ceil(n / columns) * height + gap);
  sizer.style.height = total + "px";
  const first = Math.max(0, Math.floor(grid.scrollTop / height) - 1) * columns;
  const last = Math.min(n, (Math.ceil((grid.scrollTop + grid.clientHeight) / height) + 1) * columns);
  for (const [place, cell] of cells) {
    if (place >= first && place < last && cell.row === list.rows[place]) continue;
    cell.root.remove();
    cells.delete(place);
  }
  for (let place = first; place < last; place++) {
    let cell = cells.get(place);
    if (!cell) cells.set(place, (cell = add(place)));
    cell.root.style.width = side + "px";
    cell.root.style.height = height - gap + "px";
    cell.root.style.transform = `translate(${gap + (place % columns) * (side + gap)}px, ${gap + Math.floor(place / columns) * height}px)`;
    write(place, cell);
  }
  current = n ? list.rows[cursor] : -1;
  const at = cells.get(cursor);
  if (at) grid.setAttribute("aria-activedescendant", at.root.id);
  else grid.removeAttribute("aria-activedescendant");
  grid.classList.toggle("empty", n === 0);
}

function add(place) {
  const row = list.rows[place];
  const root = make("div", { id: "cell-" + place, className: "cell", role: "option" });
  const text = make("span", { className: "caption" });
  if (state.dataset.images) {
    const picture = make("img", { src: api.thumb(row, 256), alt: "", draggable: false });
    picture.onerror = () => picture.replaceWith(make("span", { className: "name", textContent: path(row) || "no picture" }));
    root.append(picture);
  } else {
    root.append(make("span", { className: "name" }));
  }
  root.append(text);
  root.onclick = (event) => point(place, event);
  root.ondblclick = () => open(row);
  sizer.append(root);
  return { root, text, row };
}

// write shows what may change of a cell: its label, marks, and what is suspected.
function write(place, { root, text, row }) {
  const name = label(row), where = path(row), prediction = state.columns.prediction ? state.columns.prediction[row] : -1;
  const suspicion = state.columns.suspect ? state.columns.suspect[row] : NaN; // NaN of the only row of a class, too
  const likely = suspicion > 0.5 && prediction >= 0 ? state.dataset.classes[prediction] : "";
  const doubt = likely === name ? "" : likely; // the prediction may be that of a head that has learnt the label
  const swatch = make("span", { className: "swatch" });
  swatch.style.background = ofClass(name ? state.columns.label[row] : -1);
  text.replaceChildren(swatch, make("span", { className: name ? "name" : "name quiet", textContent: name || "no label" }));
  if (doubt) text.append(make("span", { className: "warn", textContent: "→ " + doubt, title: "more likely " + doubt }));
  else if (element("order").value === "suspect" && suspicion >= 0) {
    text.append(make("span", { className: "quiet n part", textContent: Math.round(100 * suspicion) + " %", title: "how probable it is that the label is wrong" }));
  }
  const plain = root.querySelector(":scope > .name");
  if (plain && where) set(plain, "textContent", where);
  set(root, "title", where);
  set(root, "aria-label", `${where}, ${name || "no label"}${doubt ? ", more likely " + doubt : ""}`);
  root.setAttribute("aria-selected", String(marks.has(place)));
  root.setAttribute("aria-setsize", list.rows.length);
  root.setAttribute("aria-posinset", place + 1);
  root.classList.toggle("cursor", place === cursor);
  root.classList.toggle("other", !!list.group && list.group.get(row) % 2 === 1);
}

// point moves the cursor: plainly, with shift to mark all from the anchor, with ctrl to mark one more.
function point(place, event) {
  grid.focus({ preventScroll: true });
  if (event.shiftKey) range(place);
  else if (event.ctrlKey || event.metaKey) {
    if (!marks.delete(place)) marks.add(place);
    anchor = place;
  } else {
    marks.clear();
    marks.add((anchor = place));
    if (state.open >= 0) open(list.rows[place]);
  }
  cursor = place;
  draw();
  tell();
}

function range(place) {
  marks.clear();
  for (let i = Math.min(anchor, place); i <= Math.max(anchor, place); i++) marks.add(i);
}

function move(place, shift) {
  place = Math.max(0, Math.min(list.rows.length - 1, place));
  if (shift) range(place);
  else marks.clear(), (anchor = place);
  cursor = place;
  const { columns, height } = measure(), top = Math.floor(cursor / columns) * height;
  if (top < grid.scrollTop) grid.scrollTop = top;
  if (top + height + gap > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + height + gap - grid.clientHeight;
  draw();
  if (state.open >= 0 && !shift && list.rows.length) open(list.rows[cursor]);
  tell();
}

function tell() {
  emit("marks");
  if (marks.size > 1) say(`${marks.size} marked`);
}

// put labels what is marked, or else the picture at the cursor, and goes on to the next.
export function put(name) {
  const places = marks.size ? [...marks] : list.rows.length ? [cursor] : [];
  assign(places.map((place) => list.rows[place]), name);
  if (places.length === 1) move(cursor + 1, false);
}

// class of a digit: 1 to 9 are the first nine classes.
export function digit(key) {
  if (key === "0" || key === "Backspace") return "";
  return /^[1-9]$/.test(key) ? state.dataset.classes[key - 1] : undefined;
}

function press(event) {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key === "a") {
    anchor = 0;
    range(list.rows.length - 1);
    draw();
    tell();
  } else if (command || event.altKey) {
    return;
  } else if (digit(event.key) !== undefined) {
    put(digit(event.key));
  } else {
    const { columns, height } = measure(), page = columns * Math.max(1, Math.floor(grid.clientHeight / height));
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if (event.key in steps) move(cursor + steps[event.key], event.shiftKey);
    else if (event.key === "Enter" && list.rows.length) open(list.rows[cursor]);
    else if (event.key === " ") point(cursor, { ctrlKey: true });
    else return;
  }
  event.preventDefault();
}

export function start() {
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => ((asked = false), draw()));
  };
  grid.addEventListener("scroll", soon, { passive: true });
  grid.addEventListener("keydown", press);
  grid.addEventListener("focus", soon);
  new ResizeObserver(soon).observe(grid);
  on("list", (keep) => {
    marks.clear();
    const same = keep ? list.rows.indexOf(current) : 0;
    cursor = anchor = same >= 0 ? same : Math.max(0, Math.min(cursor, list.rows.length - 1));
    if (!keep) grid.scrollTop = 0;
    draw();
    tell();
  });
  on("rows columns", soon);
}
