package explorer

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"fovea/featurestore"
	"fovea/internal/spelling"
)

// The page shows what names hide wherever somebody reads them, and the dataset keeps the names.
func TestPageHiddenNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	const cat, dog = "ca\u202et", "d\u200bog"
	makeRows(t, dir, 40, 3, func(i int, r *featurestore.Row) {
		r.Path, r.Label, r.Split = fmt.Sprintf("%d\x1b\u2066.jpg", i), []string{cat, dog}[i%2], "te\u2060st"
	})
	before := stored(t, dir)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.press("/", 0)
	p.press("2066", 0) // finds nothing: paths have the character
	p.eval(`select([0, 1, 2]); open(1)`, nil)
	p.wait(`document.querySelectorAll("#panel .near button").length > 0`)
	var texts []string
	p.eval(`const all = [document.title, document.body.innerText];
		for (const element of document.querySelectorAll("*")) for (const name of ["title", "aria-label", "alt"]) if (element.hasAttribute(name)) all.push(element.getAttribute(name));
		return all`, &texts)
	all := strings.Join(texts, "\n")
	if shown := spelling.Lines(all); shown != all && strings.ReplaceAll(shown, `\t`, "\t") != all { // tables have tabs
		t.Errorf("the page hides something in %q", all)
	}
	for _, name := range []string{`ca\u202et`, `d\u200bog`, `1\x1b\u2066.jpg`, `te\u2060st`} {
		if !strings.Contains(all, name) {
			t.Errorf("the page does not show %s: %q", name, all)
		}
	}
	p.click(fmt.Sprintf(cell, 0), 0)
	p.press("2", 0)
	awaits(t, "another label", dir, changed(before, dog, "0\x1b\u2066.jpg"))
}

// The page and the commands show the same of every character.
func TestShownAsInGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 4, 3, nil)
	p := browse(t, start(t, Options{Dir: dir}), software)
	var single map[string]string
	p.eval(`const {shown} = await import("/shown.js"), found = {};
		for (let c = 0; c < 0x110000; c++) {
			const text = String.fromCodePoint(c);
			if ((c < 0xd800 || c > 0xdfff) && shown(text) !== text) found[text] = shown(text);
		}
		return found`, &single)
	want := map[string]string{}
	for c := range utf8.MaxRune + 1 {
		if text := string(c); utf8.ValidRune(c) && spelling.Line(text) != text {
			want[text] = spelling.Line(text)
		}
	}
	if !maps.Equal(single, want) {
		for text := range want {
			if single[text] != want[text] {
				t.Errorf("%+q is shown as %q, want %q", text, single[text], want[text])
			}
		}
		t.Fatalf("%d characters are shown as others, want %d", len(single), len(want))
	}
	var texts, shown, expected []string
	for _, before := range []string{"", "a", "1", "#", "é", "ω", "я", "می", "क्", "葛", "❤", "👩", "❤\ufe0f", "\u200b", "\u200d", "\U000e0100"} {
		for _, letter := range []string{"\u200c", "\u200d", "\ufe0f", "\U000e0100", "\u180b", "\u202e", "\U000e0061"} {
			for _, after := range []string{"", "a", "é", "ی", "ष", "🔬", "\u20e3", "\u200d", "\ufe0f"} {
				texts = append(texts, before+letter+after)
			}
		}
	}
	for _, text := range texts {
		expected = append(expected, spelling.Line(text))
	}
	p.eval(`const {shown} = await import("/shown.js"); return `+jsonOf(texts)+`.map(shown)`, &shown)
	if !slices.Equal(shown, expected) {
		for i := range texts {
			if shown[i] != expected[i] {
				t.Errorf("%+q is shown as %q, want %q", texts[i], shown[i], expected[i])
			}
		}
	}
}
