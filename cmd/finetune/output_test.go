package main

import (
	"bytes"
	"testing"
)

// Each format shows a picture with a label and one that could not be read.
func TestPredictionWriters(t *testing.T) {
	rows := []prediction{
		{path: "a,b.jpg", label: "dog", probabilities: []float64{0.25, 0.75}},
		{path: "c.jpg", failure: "it is no image"},
	}
	all, top := decision{classes: []string{"cat", "dog"}}, decision{classes: []string{"cat", "dog"}, top: 1, errorColumn: true}
	for _, test := range []struct {
		format string
		decision
		want string
	}{
		{"csv", all, "path,label,probability_cat,probability_dog\n\"a,b.jpg\",dog,0.25,0.75\nc.jpg,,,\n"},
		{"csv", top, "path,label,label_1,probability_1,error\n\"a,b.jpg\",dog,dog,0.75,\nc.jpg,,,,it is no image\n"},
		{"json", all, "[\n" + `{"path":"a,b.jpg","label":"dog","probabilities":{"cat":0.25,"dog":0.75}}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
		{"json", top, "[\n" + `{"path":"a,b.jpg","label":"dog","top":[{"label":"dog","probability":0.75}]}` + ",\n" + `{"path":"c.jpg","label":null,"error":"it is no image"}` + "\n]\n"},
	} {
		var out bytes.Buffer
		w, err := newPredictionWriter(test.format, &out, test.decision)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rows {
			if err := w.write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("%s, top %d:\n%swant\n%s", test.format, test.top, out.String(), test.want)
		}
	}
	var out bytes.Buffer
	w, err := newPredictionWriter("json", &out, all)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.close(); err != nil || out.String() != "[]\n" {
		t.Errorf("no rows are %q, %v", out.String(), err)
	}
}
