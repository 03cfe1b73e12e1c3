package text_test

import (
	"strings"
	"testing"

	"fovea/internal/text"
)

const help = `Prints all that there is to print of one thing or
another.

Usage:
  program --out DIR a command that stays in one line

Flags:
      --out DIR     the directory of whatever is put out
      --äöü         aligned by columns, not by bytes here
  -h, --help        help
                    continued far to the right of all here
`

func TestFold(t *testing.T) {
	for width, want := range map[int]string{
		80: help,
		46: `Prints all that there is to print of one thing
or another.

Usage:
  program --out DIR a command that stays in one line

Flags:
      --out DIR     the directory of whatever
                    is put out
      --äöü         aligned by columns, not by
                    bytes here
  -h, --help        help
                    continued far to the right
                    of all here
`,
		32: `Prints all that there is to
print of one thing or another.

Usage:
  program --out DIR a command that stays in one line

Flags:
      --out DIR
        the directory of
        whatever is put out
      --äöü
        aligned by columns, not
        by bytes here
  -h, --help        help
        continued far to the
        right of all here
`,
	} {
		if got := text.Fold(help, width); got != want {
			t.Errorf("in %d columns:\n%s\nwant:\n%s", width, got, want)
		}
	}
	for _, unchanged := range []string{"", "x", "x\n", "\n\n x\n", "averylongwordthatfitsnowhere"} {
		if got := text.Fold(unchanged, 10); got != unchanged {
			t.Errorf("%q: %q", unchanged, got)
		}
	}
	if got := text.Fold("a b "+strings.Repeat("c", 20)+" d", 10); got != "a b\n"+strings.Repeat("c", 20)+"\nd" {
		t.Errorf("a long word: %q", got)
	}
}
