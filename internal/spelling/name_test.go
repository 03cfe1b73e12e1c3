package spelling

import "testing"

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"dog":                                  "dog",
		"a dog":                                "a dog",
		"dog ":                                 `dog\x20`,
		"  dog":                                `\x20\x20dog`,
		"a  dog":                               `a \x20dog`,
		" ":                                    `\x20`,
		"a\u00a0dog":                           `a\u00a0dog`,
		"a \u2009dog":                          `a \u2009dog`,
		"犬\u3000猫":                             "犬\u3000猫",
		"犬\u3000":                              `犬\u3000`,
		"a\u2800":                              `a\u2800`,
		"a\tb\u200b\x1b[31m":                   `a\tb\u200b\x1b[31m`,
		"👩\u200d🔬":                             "👩\u200d🔬",
		"d\u00f3g":                             "dóg",
		"do\u0301g":                            `do\u0301g`,
		"o\u0308fen, \u00f6":                   `o\u0308fen, ö`,
		"e\u0323\u0302":                        `e\u0323\u0302`,
		"\u1ec7":                               "\u1ec7",
		"x\u0301\u0323":                        `x\u0301\u0323`, // in the wrong order
		"x\u0323\u0301":                        "x\u0323\u0301", // which no letter is composed of
		"\u212bngstr\u00f6m":                   `\u212bngström`,
		"\u1112\u1161\u11ab\u1100\u116e\u11a8": "\u1112\\u1161\\u11ab\u1100\u116e\u11a8",
		"한국":                                   "한국",
		"हिन्दी":                               "हिन्दी",
		"ภาษาไทย":                              "ภาษาไทย",
	} {
		if got := Name(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Names that look alike are shown apart.
func TestNamesOfAlike(t *testing.T) {
	names := []string{"dog", " dog", "dog ", "dog  ", "dog\u00a0", "do\u0301g", "d\u00f3g", "a dog", "a  dog", "a\u00a0dog", "dog\u200b", "d\u200bog"}
	shown := map[string]string{}
	for _, n := range names {
		if other, is := shown[Name(n)]; is {
			t.Errorf("%q and %q are both shown as %s", n, other, Name(n))
		}
		shown[Name(n)] = n
	}
}
