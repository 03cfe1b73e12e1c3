"use strict";
const cards = [...document.querySelectorAll(".card")];
const field = card => card.querySelector("input"), suggest = card => card.querySelector("button");
const byId = id => document.getElementById(id);
let saved = "";
// As RFC 4180 has it: what has commas, quotes or line breaks is quoted.
const cell = text => /[",\r\n]|^\s|\s$/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
const changed = () => cards.filter(card => field(card).value.trim() && field(card).value.trim() !== card.dataset.label);
// Splits are in the table, if there are some, so that it can be added to one with all images.
const splits = document.querySelector(".cards").dataset.splits;
const csv = () => (splits ? "path,label,split\n" : "path,label\n") + changed().map(card =>
	cell(card.dataset.path) + "," + cell(field(card).value.trim()) + (splits ? "," + cell(card.dataset.split) : "") + "\n").join("");
function show() {
	const all = new Set(changed());
	for (const card of cards) {
		card.classList.toggle("changed", all.has(card));
		suggest(card).textContent = field(card).value.trim() === card.dataset.suggested ? "back to " + card.dataset.label : "is " + card.dataset.suggested;
	}
	byId("count").textContent = all.size === 0 ? "nothing changed" : all.size === 1 ? "1 label changed" : all.size + " labels changed";
	byId("save").disabled = byId("none").disabled = all.size === 0;
}
for (const card of cards) {
	field(card).addEventListener("input", show);
	field(card).addEventListener("focus", event => event.target.select());
	suggest(card).addEventListener("click", () => {
		field(card).value = field(card).value.trim() === card.dataset.suggested ? card.dataset.label : card.dataset.suggested;
		show();
	});
}
byId("all").addEventListener("click", () => {
	for (const card of cards.filter(card => card.classList.contains("likely"))) field(card).value = card.dataset.suggested;
	show();
});
byId("none").addEventListener("click", () => {
	for (const card of cards) field(card).value = card.dataset.label;
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
