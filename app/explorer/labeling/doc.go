// Package labeling changes the labels of a dataset's rows for people who look at them: every change is in a log on disk
// before it is answered, can be undone, and is written to the dataset soon after, by extraction.Relabel.
//
// It knows rows by their paths and the SHA-256 of their images, so that changes find their rows again after the dataset
// was replaced. It must not know pages, HTTP or features.
//
// # The log
//
// The file labels.jsonl has a record in each line, as JSON with a checksum at its end:
//
//	{"n":1,"time":...,"do":"begin","version":1,"sum":"0a1b2c3d"}
//	{"n":2,"time":...,"do":"label","label":"cat","rows":[{"path":"a.jpg","sha256":"...","from":"dog"}],"sum":...}
//	{"n":3,"time":...,"do":"undo","of":2,"sum":...}
//	{"n":4,"time":...,"do":"redo","of":2,"sum":...}
//	{"n":5,"time":...,"do":"written","of":4,"sum":...}
//
// "written" says that the dataset has all changes up to record "of"; what comes after is pending. Names are spelled by
// featurestore.EscapeText. A record is on disk before the change is answered, so a line that is cut off at the end was
// answered to nobody: it is moved to labels.torn. A line that is damaged before others is an error, as then nobody knows
// which label is right.
//
// The log only grows, as long as its changes can be undone, and says so when it is large.
package labeling
