"use strict";
const cards = [...document.querySelectorAll(".card")];
// Names as they are, which are JSON in the page.
const real = new Map(cards.map(card => [card, Object.fromEntries(["path", "label", "suggested", "split"].map(name => [name, JSON.parse(card.dataset[name])]))]));
const field = card => card.querySelector("input"), suggest = card => card.querySelector("button");
const byId = id => document.getElementById(id);
let saved = "";
// As RFC 4180 has it: what has commas, quotes or line breaks is quoted.
const cell = text => /[",\r\n]|^\s|\s$/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
// Fields have labels as they are shown; what was typed means the class that is shown so, if there is one, else one that
// is shown so but for blanks at its ends.
const options = [...byId("classes").options].map(option => [option.value, JSON.parse(option.dataset.real)])
	.sort(([a, real], [b, other]) => (a === real) - (b === other)); // a class with just this name counts
const classes = new Map([...options.map(([shown, real]) => [shown.trim(), real]), ...options]);
const own = card => field(card).defaultValue;
function label(card) {
	const {value} = field(card), typed = value.trim();
	if (value === own(card)) return real.get(card).label;
	return classes.get(value) ?? (typed === own(card).trim() ? real.get(card).label : classes.get(typed) ?? typed);
}
const changed = () => cards.filter(card => label(card) && label(card) !== real.get(card).label);
// Splits are in the table, if there are some, so that it can be added to one with all images.
const splits = document.querySelector(".cards").dataset.splits;
const csv = () => (splits ? "path,label,split\n" : "path,label\n") + changed().map(card =>
	cell(real.get(card).path) + "," + cell(label(card)) + (splits ? "," + cell(real.get(card).split) : "") + "\n").join("");
function show() {
	const all = new Set(changed());
	for (const card of cards) {
		card.classList.toggle("changed", all.has(card));
		suggest(card).textContent = label(card) === real.get(card).suggested ? "back to " + own(card) : "is " + card.dataset.shown;
	}
	byId("count").textContent = all.size === 0 ? "nothing changed" : all.size === 1 ? "1 label changed" : all.size + " labels changed";
	byId("save").disabled = byId("none").disabled = all.size === 0;
}
for (const card of cards) {
	field(card).addEventListener("input", show);
	field(card).addEventListener("focus", event => event.target.select());
	suggest(card).addEventListener("click", () => {
		field(card).value = label(card) === real.get(card).suggested ? own(card) : card.dataset.shown;
		show();
	});
}
byId("all").addEventListener("click", () => {
	for (const card of cards.filter(card => card.classList.contains("likely"))) field(card).value = card.dataset.shown;
	show();
});
byId("none").addEventListener("click", () => {
	for (const card of cards) field(card).value = own(card);
	show();
});
byId("save").addEventListener("click", () => {
	const link = document.createElement("a");
	saved = csv();
	link.href = URL.createObjectURL(new Blob([saved], {type: "text/csv"}));
	link.download = "labels.csv";
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
addEventListener("beforeunload", event => { if (changed().length && csv() !== saved) event.preventDefault(); });
show();
