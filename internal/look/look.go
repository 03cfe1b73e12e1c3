package look

import (
	_ "embed"
	"html/template"
)

// CSS is the style sheet that every page begins with. Pages add rules of their own, in terms of its
// custom properties.
//
//go:embed look.css
var CSS template.CSS

// Palette has the colours of classes in their order, "#rrggbb"; more classes begin again. They are
// those of look.css, are told apart by most people who confuse red and green, and stand out from both
// papers.
var Palette = []string{"#3b7dd8", "#d9730d", "#2a9d6e", "#c2408f", "#8a6fd1", "#b8901a", "#1f9cb5", "#c8483f", "#6d8b2f", "#7a7f87"}
