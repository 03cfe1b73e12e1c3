package report

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRace(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	r := Race{
		Settings: map[string]any{"configuration": "vgg16", "size": 64}, Chance: 0.52, Budget: 600,
		Ways: []Way{
			{Name: "head on frozen features", Points: []Point{{12, 20, 0.8, 0.5}, {30, 90, 0.96, 0.1}, {200, 700, 0.98, 0.05}}},
			{Name: "from random weights", Points: []Point{{2, 0, 0.5, 0.7}, {300, 800, 0.53, 0.69}, {600, 1600, 0.55, 0.68}}},
		},
	}
	dir := filepath.Join(t.TempDir(), "new")
	files, err := r.Write(dir)
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if svg := string(read("compare.svg")); !strings.Contains(svg, "minutes of training") || !strings.Contains(svg, "from random weights") {
		t.Error("the plot lacks its axis or its legend")
	}
	if _, err := png.Decode(bytes.NewReader(read("compare.png"))); err != nil {
		t.Error(err)
	}
	if table := string(read("compare.csv")); strings.Count(table, "\n") != 7 || !strings.Contains(table, "from random weights,300,800,0.53,0.69\n") {
		t.Errorf("the table is %s", table)
	}
	var back Race
	if err := json.Unmarshal(read("compare.json"), &back); err != nil || back.Ways[0].Points[1].Accuracy != 0.96 || back.Budget != 600 {
		t.Errorf("the JSON is %+v, %v", back, err)
	}
	if _, err := (Race{}).Write(dir); err == nil {
		t.Error("nothing is drawn")
	}
}
