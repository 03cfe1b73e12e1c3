// The search by path and label: what matches is listed while one types, and selected by Enter.
import * as api from "./api.js";
import { label } from "./rows.js";
import { complain, count, element, make, open, say, select, state } from "./state.js";

const query = element("query"), found = element("found");
let timer = 0, latest = 0;

async function look() {
  const text = query.value.trim(), mine = ++latest;
  found.hidden = true;
  if (!text) return;
  try {
    const answer = await api.paths(text, 8);
    const rows = answer.rows.length ? await api.rows(answer.rows) : [];
    if (mine !== latest || document.activeElement !== query) return;
    const all = make("button", { type: "button", className: "main", textContent: answer.total ? `Select ${count(answer.total, "match").replace("matchs", "matches")}` : "Nothing matches", disabled: !answer.total, onclick: selectAll });
    found.replaceChildren(all, ...rows.map((row) => {
      const name = label(row.row);
      return make("button", { type: "button", textContent: row.path + (name ? ` · ${name}` : ""), onclick: () => (hide(), open(row.row)) });
    }));
    found.hidden = false;
    say(count(answer.total, "match").replace("matchs", "matches"));
  } catch (error) {
    complain(error);
  }
}

async function selectAll() {
  const text = query.value.trim();
  hide();
  if (!text) return;
  try {
    const { rows } = await api.paths(text, state.dataset.rows);
    select(rows);
    if (rows.length === 0) say(`nothing matches ${text}`);
  } catch (error) {
    complain(error);
  }
}

function hide() {
  latest++;
  clearTimeout(timer);
  found.hidden = true;
}

export function start() {
  query.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(look, 150);
  };
  element("search").onsubmit = (event) => {
    event.preventDefault();
    selectAll();
  };
  element("search").addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
      query.focus();
      event.stopPropagation();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || found.hidden) return;
    event.preventDefault();
    const stops = [query, ...found.children];
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
  });
  element("search").addEventListener("focusout", (event) => {
    if (!element("search").contains(event.relatedTarget)) found.hidden = true;
  });
}
