// What is known of single rows, asked for in groups.
import * as api from "./api.js";
import { complain, emit, state } from "./state.js";

const wanted = new Set();
let timer = 0;

// path is a row's, "" until the server has said it; then listeners to "rows" hear of it.
export function path(row) {
  const known = state.paths.get(row);
  if (known === undefined && !state.stale) {
    wanted.add(row);
    timer ||= setTimeout(fetchWanted, 30);
  }
  return known || "";
}

async function fetchWanted() {
  timer = 0;
  const rows = [...wanted].filter((row) => !state.paths.has(row)).slice(-400);
  wanted.clear();
  if (rows.length === 0) return;
  try {
    for (const each of await api.rows(rows)) state.paths.set(each.row, each.path);
    if (state.paths.size > 200000) state.paths.clear();
    emit("rows");
  } catch (error) {
    complain(error);
  }
}

// label is the name of a row's label, "" for none.
export function label(row) {
  const number = state.columns.label ? state.columns.label[row] : -1;
  return number >= 0 ? state.dataset.classes[number] : "";
}
