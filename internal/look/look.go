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
var Palette = []string{"#3b7dd8", "#d9730d", "#5aa198", "#845b7e", "#7a92dc", "#969461", "#0f8baa", "#cd3a0e", "#387843", "#7c7d76"}
