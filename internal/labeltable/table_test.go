package labeltable

import (
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"fovea/internal/budget"
)

func isPicture(p string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".gif"}, strings.ToLower(path.Ext(p)))
}

const golden = "../../testdata/labels"

// Tables that pandas, Python's csv and spreadsheets wrote say what these programs read.
func TestTablesOfOtherPrograms(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden, "tables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables []struct {
		File, Options            string
		Pictures, Labels, Splits []string
	}
	if err := json.Unmarshal(data, &tables); err != nil || len(tables) < 40 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, want := range tables {
		t.Run(want.File+" "+want.Options, func(t *testing.T) {
			var o Options
			if want.Options != "" {
				if o, err = ParseOptions(want.Options); err != nil {
					t.Fatal(err)
				}
			}
			if o.Classes != "" {
				o.Classes = filepath.Join(golden, o.Classes)
			}
			f, err := os.Open(filepath.Join(golden, want.File))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			table, err := o.Read(f, want.File, isPicture, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := table.Match(want.Pictures, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, label := range got.Labels {
				if label != (Label{want.Labels[i], want.Splits[i]}) {
					t.Errorf("%s has %s, want %s", want.Pictures[i], label, Label{want.Labels[i], want.Splits[i]})
				}
			}
			t.Log(table, "; paths", got.How)
		})
	}
}

// utf16Text is text as spreadsheets save it.
func utf16Text(text string, mark bool) string {
	var b strings.Builder
	if mark {
		b.WriteString("\xff\xfe")
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

func read(t *testing.T, options, text string) (*Table, error) {
	t.Helper()
	var o Options
	if options != "" {
		var err error
		if o, err = ParseOptions(options); err != nil {
			t.Fatal(err)
		}
	}
	return o.Read(strings.NewReader(text), "labels.csv", isPicture, nil)
}

// A table that is not what it should be, or could mean two things, is refused, with what to do.
func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ options, text, want string }{
		"UTF-16 unmarked":      {"", utf16Text("path,label\na.jpg,cat\n", false), "it is UTF-16 without a mark, not UTF-8: declare encoding=utf-16le"},
		"spreadsheet":          {"", "PK\x03\x04\x14\x00", "it is a spreadsheet"},
		"old spreadsheet":      {"", "\xd0\xcf\x11\xe0\xa1\xb1", "it is a spreadsheet"},
		"Parquet":              {"", "PAR1\x15\x04", "it is a Parquet file"},
		"JSON":                 {"", `{"n01440764": 0}`, "it is JSON: give a table of paths and labels; a file of classes' numbers goes with one"},
		"empty":                {"", "\ufeff \n", "it is empty"},
		"cp1252 label":         {"", "path,label\na.jpg,caf\xe9\n", `line 2 has "caf\xe9", which is not UTF-8: declare the encoding of the table, as in csv,encoding=cp1252:FILE`},
		"cp1252 split":         {"", "a.jpg,cat,\xe9\n", "line 1 has"},
		"wrong encoding":       {"encoding=shift_jis", "path,label\na.jpg,caf\xe9\n", "line 2 has"},
		"old Mac":              {"", "path,label\ra.jpg,cat\r", "end with CR only"},
		"one field":            {"", "a.jpg\n", "line 1 has 1 field"},
		"four fields":          {"", "a.jpg,x,y,z\n", "line 1 has 4 fields"},
		"a field too many":     {"", "path,label\na.jpg,cat\nb.jpg,big, dog\n", "line 3 has 3 fields, but the table 2 columns: quote fields that contain the separator"},
		"a field too few":      {"", "path,label\na.jpg\n", "line 2 has 1 field, but the table 2 columns"},
		"contradiction":        {"", "a.jpg,cat\na.jpg, dog\n", `line 2 labels a.jpg as "dog", line 1 as "cat"`},
		"blank path":           {"", "path,label\n ,cat\n", "line 2 has no path"},
		"bare quote":           {"", "a.jpg,24\" pipe\n", `line 1, column 9: bare " in non-quoted-field: write a field with quotes in it in quotes, and each of its own twice, as in "24"" pipe"`},
		"no path":              {"", "path,label\n,cat\n", "line 2 has no path"},
		"label twice":          {"", "a.jpg,cat\nb.jpg,dog\na.jpg,dog\n", `line 3 labels a.jpg as "dog", line 1 as "cat": keep one of them`},
		"split twice":          {"", "a.jpg,cat,train\na.jpg,cat,test\n", `line 2 labels a.jpg as "cat" (test), line 1 as "cat" (train)`},
		"zero byte":            {"", "a.jpg,\"c\x00at\"\n", "UTF-16"},
		"two paths":            {"", "file,path,label\na.jpg,x/a.jpg,cat\n", `line 1 has the columns "file", "path", "label", of which "file", "path" could each be the path: name it, as in csv,path=file:FILE`},
		"two labels":           {"", "path,label,label_name\na.jpg,0,cat\n", `of which "label", "label_name" could each be the label`},
		"one column for each":  {"", "image,healthy,rust\na.jpg,0,1\n", `has the columns "image", "healthy", "rust", and which of them is the label is not clear: name it, as in csv,label=COLUMN:FILE`},
		"which is which":       {"", "Image,Id\na.jpg,w_1\n", "which of them is the label is not clear"},
		"no label":             {"", "path,split\na.jpg,train\n", "which of them is the label is not clear"},
		"split in the middle":  {"", "x,a.jpg,cat\ny,b.jpg,dog\n", "has a picture's name in its second field of three"},
		"two separators":       {"", "1,2;3\n4,5;6\n", "its fields could be separated by commas or by semicolons: say which, as in csv,separator=comma:FILE"},
		"no such column":       {"label=bread", "path,breed,size\na.jpg,cat,1\n", `line 1 has no column bread (did you mean breed?), but "path", "breed", "size"`},
		"no such number":       {"path=1,label=4", "a.jpg,cat,1\n", "has no column 4"},
		"same column":          {"path=file,label=file", "file,label\na.jpg,cat\n", "one column for both"},
		"path as split":        {"split=path", "path,label\na.jpg,cat\n", `has one column for both the path and the split, "path"`},
		"label as split":       {"label=2,split=2", "a.jpg,cat\n", "has one column for both the label and the split"},
		"quote":                {"", "a.jpg,\"x\n", "read the table"},
		"declared, not there":  {"separator=tab", "path,label\na.jpg,cat\n", "line 1 has 1 field"},
		"numbers of no class":  {"classes=" + golden + "/index.json", "path,label\na.jpg,3\n", `line 2 has the label "3", which is none of the 3 classes in ` + golden + "/index.json"},
		"no file of classes":   {"classes=nowhere.json", "path,label\na.jpg,3\n", "cannot open the classes: open nowhere.json"},
		"no classes in a file": {"classes=table_test.go", "path,label\na.jpg,3\n", "the file of classes table_test.go: two classes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, test.options, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.options == "" && !strings.Contains(err.Error(), "labels.csv") {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// Tables as programs write them, of one picture.
func TestReadTakes(t *testing.T) {
	for name, test := range map[string]struct{ options, text string }{
		"plain": {"", "path,label\na.jpg,cat\n"}, "no heading": {"", "a.jpg,cat\n"}, "mark": {"", "\ufeffpath,label\na.jpg,cat\n"},
		"mark and quotes": {"", "\ufeff\"path\",\"label\"\n\"a.jpg\",\"cat\"\n"}, "mark, no heading": {"", "\ufeffa.jpg,cat\n"},
		"CRLF": {"", "path,label\r\na.jpg,cat\r\n"}, "capitals": {"", "Path,Label,Split\na.jpg,cat,\n"}, "no end": {"", "a.jpg,cat"},
		"turned": {"", "label,path\ncat,a.jpg\n"}, "turned, bare": {"", "cat,a.jpg\n"}, "UTF-16": {"", utf16Text("path\tlabel\r\na.jpg\tcat\r\n", true)},
		"UTF-16 declared": {"encoding=utf-16le", utf16Text("path\tlabel\r\na.jpg\tcat\r\n", false)}, "blanks": {"", " path , label \na.jpg,cat\n"},
		"empty rows": {"", "path,label\n\n,\na.jpg,cat\n,\n"}, "empty fields": {"", "path,label\na.jpg,cat,,\n"}, "sep": {"", "sep=;\r\na.jpg;cat\r\n"},
		"semicolon in a label": {"separator=comma", "a.jpg,cat\n"}, "other words": {"", "photo of,breed\na.jpg,cat\n"}, "an identifier": {"", "id,breed\na.jpg,cat\n"},
		"index": {"", ",filename,class\n0,a.jpg,cat\n"}, "identifier and file": {"", "id,file_name,label\n7,a.jpg,cat\n"}, "numbers": {"path=2,label=3", "x,a.jpg,cat,y\n"},
		"numbers with a heading": {"path=2,label=3", "w,what,which,z\nx,a.jpg,cat,y\n"}, "lines in quotes": {"", "path,label,notes\na.jpg,cat,\"two\nlines, or \"\"more\"\"\"\n"},
		"blanks after commas": {"", "path, label\na.jpg, cat\n"}, "and quotes": {"", "\"path\", \"label\"\n\"a.jpg\", \"cat\"\n"}, "aligned": {"", "path  ; label\na.jpg ; cat  \n"},
		"blanks before quotes": {"", "a.jpg, \"cat\"\n"}, "quoted blanks": {"", "a.jpg,\" cat \"\n"}, "empty fields with blanks": {"", "path, label\na.jpg, cat, ,\n , \n"},
		"blank, then not": {"", "a.jpg, cat\na.jpg,cat\n"}, "no-break space": {"", "a.jpg,\u00a0cat\n"}, "tab": {"", "a.jpg\t cat \n"},
		"separators in quotes": {"", "\"a.jpg\";\"cat\"\n"}, "same twice": {"", "a.jpg,cat\na.jpg,cat\n"}, "label in a split": {"label=split", "path,split\na.jpg,cat\n"}, "label of a heading": {"classes=" + golden + "/names.json", "what,breed\na.jpg,n01440764\n"},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := read(t, test.options, test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := table.Match([]string{"a.jpg"}, nil); err != nil || got.Labels[0].Label != "cat" && got.Labels[0].Label != "tench" {
				t.Errorf("labels are %q, %v (%s)", got.Labels, err, table)
			}
		})
	}
}

// What is understood is told.
func TestString(t *testing.T) {
	table, err := read(t, "", "id;file;class;set;width\n1;a.jpg;cat;train;3\n2;b.jpg;dog;test;4\n")
	want := `labels.csv: 2 rows, separated by semicolons, UTF-8, the path in "file", the label in "class", the split in "set", not used for labels: "id", "width"`
	if err != nil || table.String() != want {
		t.Errorf("it is understood as\n%s, %v, want\n%s", table, err, want)
	}
}

func TestMemory(t *testing.T) {
	text := strings.Repeat("photos\\a.jpg,cat\n", 100)
	for limit, want := range map[int64]bool{100: false, 100_000: true} {
		_, err := Options{}.Read(strings.NewReader(text), "labels.csv", isPicture, budget.For(0, budget.Packed, limit))
		if (err == nil) != want || err != nil && (!errors.Is(err, budget.ErrMemory) || !strings.Contains(err.Error(), "labels.csv, line 1")) {
			t.Errorf("with %d bytes: %v", limit, err)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for value, want := range map[string]string{
		"seperator=tab":          `unknown option "seperator" of a table of labels (did you mean separator?): use classes, encoding, label, path, separator or split`,
		"label":                  "the option label of a table of labels has no value: write label=VALUE",
		"label=":                 "has no value",
		"label=a,label=b":        "is given twice",
		"separator=commas":       `unknown separator "commas" (did you mean comma?)`,
		"encoding=klingon":       `unknown encoding "klingon": use utf-8`,
		"":                       "unknown option",
		"path=a,,label=b":        "unknown option",
		"encoding=utf-8,label= ": "",
	} {
		if _, err := ParseOptions(value); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", value, err, want)
		}
	}
}

func TestClassesRefuse(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 0, "b": 0}`:       `the class 0 is there twice, as "a" and "b"`,
		`{"a": 0, "a": 1}`:       `two classes, or one without a name, are called "a"`,
		`{"0": "a", "1": "a"}`:   `are called "a"`,
		`{"0": ["n1", "crane"]`:  "unexpected",
		`{"0": null}`:            `the value of "0" is neither`,
		`{"a": 0.5}`:             `the value of "a" is neither`,
		`["a", ""]`:              "one without a name",
		`{}`:                     "it has no classes",
		"\xff\xfea":              "it is not UTF-8",
		"n01440764 a\nn01440764": `are called "n01440764"`,
	} {
		if _, err := readClasses([]byte(text), "classes.json"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "classes.json") {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
	c, err := readClasses([]byte(`["1", "0", "cat"]`), "classes.json")
	if err != nil {
		t.Fatal(err)
	}
	if name, err := c.name("0"); err == nil || !strings.Contains(err.Error(), "is the name of one class and the number of another") {
		t.Errorf("a number that is a name: %q, %v", name, err)
	}
	if name, err := c.name("2"); err != nil || name != "cat" {
		t.Errorf("2 is %q, %v", name, err)
	}
}

// FuzzRead looks for a table that makes the parser panic, or has rows that are not in the text, and for pictures that
// take a label that no row has.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"path,label\na.jpg,cat\n", "\ufeffa.jpg,\"c\"\"at\",train\n", "sep=;\nlabel;path\nx;a\\b.jpg\n", "\xff\xfea\x00,\x00b\x00\n\x00", "id\tbreed\n7\tx\n", "a.jpg|x\nphotos/a.jpg|y\n",
	} {
		f.Add(seed, "a.jpg", "b/a.jpg")
	}
	f.Fuzz(func(t *testing.T, text, first, second string) {
		table, err := Options{}.Read(strings.NewReader(text), "labels.csv", isPicture, budget.For(int64(len(text)), budget.Packed, 0))
		if err != nil {
			return
		}
		if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1; table.encoding == "UTF-8" && table.Len() > lines {
			t.Errorf("%d labels out of %q", table.Len(), text)
		}
		got, err := table.Match([]string{first, second}, func(int) bool { return false })
		if err != nil {
			return
		}
		for i, label := range got.Labels {
			known := false
			for _, r := range table.rows {
				known = known || r.Label == label
			}
			if got.Found[i] && !known || !got.Found[i] && label != (Label{}) {
				t.Errorf("picture %d has %s, found: %v", i, label, got.Found[i])
			}
		}
	})
}

// FuzzReadClasses looks for a file of classes that makes the parser panic, or that has two classes of one name.
func FuzzReadClasses(f *testing.F) {
	for _, seed := range []string{`{"a": 0, "b": 1}`, `{"0": ["n1", "a"]}`, `["a"]`, "n01440764 tench, Tinca tinca\n", "0 a\n1 b\n", "00 a\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readClasses(data, "classes")
		if err == nil && (len(c.names) == 0 || len(c.names) != len(c.known)) {
			t.Errorf("%d classes of %d names in %q", len(c.names), len(c.known), data)
		}
	})
}
