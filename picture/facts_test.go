package picture

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Identifiers are those that pydicom reads of its test files; make_patients.py wrote them.
func TestIdentities(t *testing.T) {
	folder, err := exec.Command(script, "path", "pydicom").Output()
	where := strings.TrimSpace(string(folder))
	if _, missing := os.Stat(where); err != nil || missing != nil {
		t.Skipf("pydicom's test files are not at hand; to fetch them: testdata/picture/corpora.sh (%v, %v)", err, missing)
	}
	golden, err := os.ReadFile(filepath.Join(goldenDir, "patients.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known, studies := 0, 0
	for line := range strings.Lines(string(golden)) {
		name, said, _ := strings.Cut(strings.TrimSpace(line), "\t")
		var want [3]string
		if err := json.Unmarshal([]byte(said), &want); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(where, "test_files", name))
		if err != nil {
			data, err = os.ReadFile(filepath.Join(where, name))
		}
		if os.IsNotExist(err) { // not an image
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data, Options{Width: 8, Height: 8}); err != nil {
			continue
		}
		got, err := FactsOf(data, WantedFacts{Identity: true})
		if err != nil || got.Patient != want[0] || got.Study != want[1] {
			t.Errorf("%s: %+v (%v), pydicom has %q", name, got, err, want)
		}
		if got.Patient != "" {
			known++
		} else if got.Study != "" {
			studies++
		}
		if got, err := FactsOf(data, WantedFacts{Georeference: true}); err != nil || got != (Facts{}) {
			t.Errorf("%s: %+v without being asked (%v)", name, got, err)
		}
	}
	if known < 20 || studies < 3 {
		t.Errorf("%d files with a patient, %d with a study alone: that is not all", known, studies)
	}
	t.Logf("%d files with a patient, %d with a study alone", known, studies)
}

// Tags of a georeference that mean nothing are an error where it is asked for, and no other harm.
func TestDamagedGeoreference(t *testing.T) {
	le := func(numbers ...uint32) (b []byte) {
		for _, n := range numbers {
			b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		}
		return b
	}
	entry := func(tag, kind uint16, count, value uint32) []byte {
		return append([]byte{byte(tag), byte(tag >> 8), byte(kind), 0}, le(count, value)...)
	}
	file := func(scale uint32) []byte { // 1x1 pixel of grey
		entries := [][]byte{
			entry(256, 3, 1, 1), entry(257, 3, 1, 1), entry(258, 3, 1, 8), entry(259, 3, 1, 1), entry(262, 3, 1, 1),
			entry(273, 4, 1, 8), entry(278, 3, 1, 1), entry(279, 4, 1, 1), entry(33550, 12, 3, scale), entry(33922, 12, 6, 12),
		}
		out := append(append([]byte("II*\x00"), le(60)...), make([]byte, 52)...)
		out = append(append(out, byte(len(entries)), 0), bytes.Join(entries, nil)...)
		return append(out, 0, 0, 0, 0)
	}
	for name, data := range map[string][]byte{"beyond the file": file(1 << 20), "zeros": file(12)} {
		if _, err := Decode(data, Options{Width: 8, Height: 8}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := FactsOf(data, WantedFacts{Georeference: true})
		if got.Georeference != nil || (err != nil) != (name == "beyond the file") {
			t.Errorf("%s: %+v, %v", name, got.Georeference, err)
		}
	}
}
