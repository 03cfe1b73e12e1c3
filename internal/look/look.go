package look

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strings"
)

// CSS is the style sheet that every page begins with. Pages add rules of their own, in terms of its
// custom properties.
//
//go:embed look.css
var CSS template.CSS

// Shown is a module of JavaScript that exports shown, which does what spelling.Line does, for pages that scripts fill.
//
//go:embed shown.js
var Shown []byte

// Palette has the colours of classes in their order, "#rrggbb"; more classes begin again. They are
// those of look.css, are told apart by most people who confuse red and green, and stand out from both
// papers.
var Palette = []string{"#3b7dd8", "#d9730d", "#5aa198", "#845b7e", "#7a92dc", "#969461", "#0f8baa", "#cd3a0e", "#387843", "#7c7d76"}

// Role is a colour that depends on the paper: the name of its custom property in look.css and its values,
// "#rrggbb", on light and on dark paper.
type Role struct{ Name, Light, Dark string }

// Roles that drawings use.
var (
	Ink   = Role{"ink", "#1f2328", "#e6e8eb"}
	Quiet = Role{"quiet", "#5b626b", "#a2a9b2"}
	Paper = Role{"paper", "#ffffff", "#16181b"}
	Line  = Role{"line", "#d5d9de", "#3a3f46"}
	Mark  = Role{"mark", "#1f5fae", "#7db4f5"}
	Roles = []Role{Ink, Quiet, Paper, Line, Mark}
)

// Policy is the Content-Security-Policy of a page that is one file: nothing is loaded, and no script runs but the given
// ones, which the page has between <script> and </script> as they are.
func Policy(scripts ...template.JS) string {
	allowed := "'none'"
	if len(scripts) > 0 {
		var hashes []string
		for _, s := range scripts {
			sum := sha256.Sum256([]byte(s))
			hashes = append(hashes, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
		allowed = strings.Join(hashes, " ")
	}
	return "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src " + allowed + "; base-uri 'none'; form-action 'none'"
}
