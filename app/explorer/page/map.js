// The map: what is in view, pointing at rows, selecting them.
import { onScheme, paint, filter } from "./colours.js";
import { Drawing } from "./drawing.js";
import { attach } from "./gestures.js";
import { Places } from "./places.js";
import { element, emit, on, open, say, select, state } from "./state.js";
import { Thumbs } from "./thumbs.js";
import { hover } from "./tip.js";

const field = element("field"), stage = element("stage");
const view = { x: 0, y: 0, unit: 1 }; // the middle, and pixels of the window for a unit of the map
let drawing, places, thumbs, colours, tool = "pan", fitted = 1;
let way = 1, started = 0; // how far points are on their way to another map, and since when
let moving = false, resting = 0, asked = false, drawn = "";
const travel = 700; // milliseconds
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// toScreen and toMap convert between the map's units and pixels of the stage.
export const toScreen = (x, y) => [field.clientWidth / 2 + (x - view.x) * view.unit, field.clientHeight / 2 - (y - view.y) * view.unit];
const toMap = (x, y) => [view.x + (x - field.clientWidth / 2) / view.unit, view.y - (y - field.clientHeight / 2) / view.unit];

// redraw draws soon, and only once for all that changes until then.
export function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

function frame(now) {
  asked = false;
  if (way < 1) {
    way = Math.min(1, (now - started) / travel);
    if (way < 1) redraw();
  }
  const n = state.positions ? state.positions.length / 2 : 0;
  const closer = Math.max(1, view.unit / fitted) ** 0.35;
  const size = Math.min(14, Math.min(9, Math.max(1.4, 34 / n ** 0.235)) * closer);
  // While many points move, a pixel for each of the window's is enough.
  const ratio = moving && n > 200000 ? 1 : Math.min(2, devicePixelRatio);
  drawing.draw({ view, way: way * way * (3 - 2 * way), size, ratio, ring: ringColour });
  if (places) thumbs.show(inView(), places, toScreen, moving, colours);
  if (places && !drawn) performance.mark((drawn = "map drawn")); // for whoever measures
  mark();
}

function inView() {
  const [left, top] = toMap(0, field.clientHeight), [right, bottom] = toMap(field.clientWidth, 0);
  return { left, top, right, bottom };
}

// mark puts the ring around the open row and the pin where a photo was placed.
function mark() {
  const put = (id, place) => {
    element(id).hidden = !place;
    if (!place) return;
    const [x, y] = toScreen(...place);
    element(id).style.transform = `translate(${x}px, ${y}px)`;
    if (x < -20 || y < -20 || x > field.clientWidth + 20 || y > field.clientHeight + 20) element(id).hidden = true;
  };
  const row = state.open, p = state.positions;
  put("ring", p && row >= 0 ? [p[2 * row], p[2 * row + 1]] : null);
  put("pin", pinned);
}

let pinned = null;
// pin marks where a photo lies; null for nowhere.
export function pin(place) {
  pinned = place;
  if (place) reveal(...place);
  redraw();
}

// reveal moves the map as little as needed for a place to be well in view.
function reveal(x, y) {
  const [px, py] = toScreen(x, y), edge = 20;
  view.x += (px - Math.min(Math.max(px, edge), field.clientWidth - edge)) / view.unit;
  view.y -= (py - Math.min(Math.max(py, edge), field.clientHeight - edge)) / view.unit;
  redraw();
}

function fit() {
  const { left, top, right, bottom } = places ? places.bounds : { left: -1, top: -1, right: 1, bottom: 1 };
  // Where the legend lies over the map, its width is left free.
  const legend = element("legend"), over = getComputedStyle(legend).position === "absolute" ? legend.offsetWidth : 0;
  const n = state.positions ? state.positions.length / 2 : 0, edge = n <= 150 && state.dataset?.images ? 100 : 50; // for half an image, or a point
  fitted = view.unit = Math.min((field.clientWidth - edge - over) / Math.max(right - left, 1e-6), (field.clientHeight - edge) / Math.max(bottom - top, 1e-6));
  view.x = (left + right) / 2 + over / 2 / view.unit;
  view.y = (top + bottom) / 2;
  redraw();
}

function zoom(factor, x = field.clientWidth / 2, y = field.clientHeight / 2) {
  const [mx, my] = toMap(x, y);
  view.unit = Math.min(fitted * 1e5, Math.max(fitted / 4, view.unit * factor));
  const [nx, ny] = toMap(x, y);
  view.x += mx - nx;
  view.y += my - ny;
  move();
}

function move() {
  moving = true;
  hover();
  redraw();
  rest();
}

// rest draws once more in full when the map has stood still for a while.
function rest() {
  clearTimeout(resting);
  resting = setTimeout(() => {
    moving = false;
    redraw();
  }, 150);
}

function pointed(x, y) {
  return places ? places.nearest(...toMap(x, y), 12 / view.unit, state.visible) : -1;
}

const handlers = {
  fit, zoom, rest,
  pan(dx, dy) {
    view.x -= dx / view.unit;
    view.y += dy / view.unit;
    move();
  },
  hover(x, y) {
    const row = x === undefined ? -1 : pointed(x, y);
    field.classList.toggle("pointing", row >= 0);
    hover(row, x, y);
  },
  click(event, x, y) {
    field.focus({ preventScroll: true });
    const row = pointed(x, y);
    if (row >= 0 && (event.ctrlKey || event.metaKey)) select([row], state.selected[row] ? "remove" : "add");
    else if (row >= 0 || state.open >= 0) open(row);
  },
  shape(points, how, done) {
    element("lasso").firstElementChild.setAttribute("d", points && !done ? "M" + points.map((p) => p.map(Math.round).join(" ")).join("L") + "Z" : "");
    if (points) hover();
    if (done && places) select(places.enclosed(points.map((p) => toMap(...p)), state.visible), how);
  },
  middle() {
    const row = pointed(field.clientWidth / 2, field.clientHeight / 2);
    if (row >= 0) open(row);
    else say("no row is in the middle");
  },
  all: () => places && select(places.inside(inView(), state.visible).sort((a, b) => a - b)),
};

let ringColour = [0, 0, 0];
function recolour() {
  if (!state.positions) return;
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  ringColour = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16));
  const n = state.positions.length / 2;
  if (!colours || colours.length !== 4 * n) colours = new Uint8Array(4 * n);
  paint(colours);
  drawing.colour(colours, state.selection.filter((row) => state.visible[row]));
  redraw();
}

function setTool(name) {
  tool = name;
  for (const each of ["pan", "lasso", "box"]) element("tool-" + each).setAttribute("aria-pressed", String(each === name));
  stage.dataset.tool = name;
}

// warning says what a browser lacks, "" where all is well.
export function warning() {
  return drawing.webgl ? "" : "This browser has no WebGL2, or it is turned off: the map is drawn without it, more slowly. All else works as usual.";
}

// clear forgets the points, which are those of rows that are gone.
export function clear() {
  state.positions = places = null;
  thumbs.clear();
  drawing.clear();
  pin(null);
}

// show moves the points to new positions; the first time they are there at once.
export function show(positions) {
  const before = state.positions && state.positions.length === positions.length ? state.positions : positions;
  const first = before === positions;
  state.positions = positions;
  places = new Places(positions);
  drawing.move(before, positions);
  way = first || calm.matches ? 1 : 0;
  started = performance.now();
  fit();
  recolour();
  emit("positions");
}

export function start() {
  drawing = new Drawing(field, () => state.positions && show(state.positions));
  thumbs = new Thumbs(element("thumbs"));
  attach(field, () => tool, handlers);
  for (const each of ["pan", "lasso", "box"]) element("tool-" + each).onclick = () => setTool(each);
  element("zoom-in").onclick = () => zoom(1.6);
  element("zoom-out").onclick = () => zoom(1 / 1.6);
  element("zoom-fit").onclick = fit;
  element("select-view").onclick = handlers.all;
  setTool("pan");
  let width = 0;
  new ResizeObserver(() => {
    if (view.unit === fitted || !width) fit();
    width = field.clientWidth;
    redraw();
  }).observe(stage);
  onScheme(recolour);
  on("colour selection", recolour);
  on("filter columns", () => {
    const others = filter();
    recolour();
    if (others) emit("visible");
  });
  on("dataset", () => view.unit === fitted && fit()); // with a legend now
  on("open", () => {
    const p = state.positions, row = state.open;
    if (p && row >= 0) reveal(p[2 * row], p[2 * row + 1]);
    redraw();
  });
}
