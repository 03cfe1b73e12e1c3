package serving

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// Each format shows a picture with a label and one that could not be read.
func TestPredictionWriters(t *testing.T) {
	far := 1.25
	rows := []Prediction{
		{Path: "a,b.jpg", Label: "dog", Probabilities: []float64{0.25, 0.75}},
		{Path: "c.jpg", Error: "it is no image"},
	}
	classes := []string{"cat", "dog"}
	all, top, more := WriterOptions{Classes: classes}, WriterOptions{Classes: classes, Decision: Decision{Top: 1}, ErrorColumn: true}, WriterOptions{Classes: classes, Decision: Decision{Top: 3}}
	known := top
	known.Known, rows[0].Known = true, Known{Label: "cat", Split: "test", Seen: true}
	for _, test := range []struct {
		format  string
		options WriterOptions
		want    string
	}{
		{"csv", all, "path,label,probability_cat,probability_dog\n\"a,b.jpg\",dog,0.25,0.75\nc.jpg,,,\n"},
		{"csv", top, "path,label,label_1,probability_1,error\n\"a,b.jpg\",dog,dog,0.75,\nc.jpg,,,,it is no image\n"},
		{"json", all, "[\n" + `{"path":"a,b.jpg","label":"dog","probabilities":{"cat":0.25,"dog":0.75}}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
		{"json", top, "[\n" + `{"path":"a,b.jpg","label":"dog","top":[{"label":"dog","probability":0.75}]}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
		// More than there are is all of them, in the order of their probabilities.
		{"csv", more, "path,label,label_1,probability_1,label_2,probability_2\n\"a,b.jpg\",dog,dog,0.75,cat,0.25\nc.jpg,,,,,\n"},
		{"csv", known, "path,label,predicted,correct,seen_in_training,split,label_1,probability_1\n\"a,b.jpg\",cat,dog,false,true,test,dog,0.75\nc.jpg,,,true,false,,,\n"},
		{"json", known, "[\n" + `{"path":"a,b.jpg","label":"cat","predicted":"dog","correct":false,"seen_in_training":true,"split":"test","top":[{"label":"dog","probability":0.75}]}` + ",\n"},
		{"json", more, "[\n" + `{"path":"a,b.jpg","label":"dog","top":[{"label":"dog","probability":0.75},{"label":"cat","probability":0.25}]}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
		// The novelty comes last.
		{"csv", WriterOptions{Classes: classes, Novelty: true}, "path,label,probability_cat,probability_dog,novelty\n\"a,b.jpg\",dog,0.25,0.75,1.25\nc.jpg,,,,\n"},
		{"csv", WriterOptions{Classes: classes, Novelty: true, ErrorColumn: true, Decision: Decision{Top: 1}}, "path,label,label_1,probability_1,error,novelty\n\"a,b.jpg\",dog,dog,0.75,,1.25\nc.jpg,,,,it is no image,\n"},
		{"json", WriterOptions{Classes: classes, Novelty: true}, "[\n" + `{"path":"a,b.jpg","label":"dog","probabilities":{"cat":0.25,"dog":0.75},"novelty":1.25}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
	} {
		var out bytes.Buffer
		test.options.Format = test.format
		rows[0].Novelty = nil
		if test.options.Novelty {
			rows[0].Novelty = &far
		}
		w, err := NewWriter(&out, test.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rows {
			if err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), test.want) || test.format == "csv" && out.String() != test.want {
			t.Errorf("%s, top %d:\n%swant\n%s", test.format, test.options.Decision.Top, out.String(), test.want)
		}
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Format: FormatJSON})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || out.String() != "[]\n" {
		t.Errorf("no rows are %q, %v", out.String(), err)
	}
}

func TestNewWriterRefuses(t *testing.T) {
	if _, err := NewWriter(io.Discard, WriterOptions{Format: "xml"}); err == nil || !strings.Contains(err.Error(), "csv, json or parquet") {
		t.Errorf("a format that does not exist: %v", err)
	}
}

// The table has all classes or the most probable ones, and says why an image could not be read.
// Columns of classes that SQL takes for one are told of, where the classes are columns.
func TestWarnOfCase(t *testing.T) {
	for name, c := range map[string]struct {
		options WriterOptions
		want    bool
	}{
		"two cats":         {WriterOptions{Classes: []string{"Cat", "cat", "dog"}}, true},
		"in Parquet":       {WriterOptions{Classes: []string{"dog", "ÉTÉ", "été"}, Format: FormatParquet}, true},
		"in JSON":          {WriterOptions{Classes: []string{"Cat", "cat"}, Format: FormatJSON}, false},
		"by numbers":       {WriterOptions{Classes: []string{"Cat", "cat"}, Decision: Decision{Top: 2}}, false},
		"other classes":    {WriterOptions{Classes: []string{"cat", "dog"}}, false},
		"classes as known": {WriterOptions{Classes: []string{"cat", "label", "split"}, Known: true}, false},
	} {
		hook := logtest.NewGlobal()
		_, err := NewWriter(io.Discard, c.options)
		logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
		if warned := slices.ContainsFunc(hook.AllEntries(), func(e *logrus.Entry) bool { return strings.Contains(e.Message, "differ in letter case only") }); err != nil || warned != c.want {
			t.Errorf("%s: warned %t, %v", name, warned, err)
		}
	}
}

func TestParquetWriter(t *testing.T) {
	classes, far := []string{"cat", "dog"}, 1.25
	for _, test := range []struct {
		options WriterOptions
		want    []string
	}{
		{WriterOptions{Classes: classes}, []string{"path", "label", "probability_cat", "probability_dog", "error"}},
		{WriterOptions{Classes: classes, Decision: Decision{Top: 1}}, []string{"path", "label", "label_1", "probability_1", "error"}},
		{WriterOptions{Classes: classes, Novelty: true}, []string{"path", "label", "probability_cat", "probability_dog", "error", "novelty"}},
		{WriterOptions{Classes: classes, Known: true}, []string{"path", "label", "predicted", "correct", "seen_in_training", "split", "probability_cat", "probability_dog"}},
	} {
		var out bytes.Buffer
		test.options.Format = FormatParquet
		w, err := NewWriter(&out, test.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Prediction{{Path: "a.jpg", Label: "dog", Probabilities: []float64{0.25, 0.75}, Novelty: &far}, {Path: "b.jpg", Error: "it is no image"}} {
			if err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		reader, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var columns []string
		for i := range reader.MetaData().Schema.NumColumns() {
			columns = append(columns, reader.MetaData().Schema.Column(i).Name())
		}
		if d := cmp.Diff(test.want, columns); d != "" || reader.NumRows() != 2 {
			t.Errorf("%d rows, columns %s", reader.NumRows(), d)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for file, want := range map[string]string{"a.csv": "csv", "dir.x/b.JSON": "json", "c.parquet": "parquet", "d.txt": "", "csv": "", "": ""} {
		if got := FormatOf(file); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}
