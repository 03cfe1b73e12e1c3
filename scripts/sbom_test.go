package scripts_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bom is what is looked at in a bill of materials.
type bom struct {
	Metadata   struct{ Timestamp string }
	Components []struct {
		Type, Name, Version string
		Purl                string
		Hashes              []struct{ Alg, Content string }
		Licenses            []struct {
			License    struct{ ID string }
			Expression string
		}
	}
}

// The bill of materials of a package names what is in it, with checksums and licenses, and is valid.
func checkBillOfMaterials(t *testing.T, program string) {
	t.Helper()
	stage := t.TempDir()
	placeFile(t, program, filepath.Join(stage, "bin", "extract"))
	libraries, err := filepath.Glob(filepath.Join(filepath.Dir(program), "lib", "*"))
	if err != nil || len(libraries) == 0 {
		t.Fatal("there are no libraries beside the program: ", err)
	}
	for _, library := range libraries {
		placeFile(t, library, filepath.Join(stage, "lib", filepath.Base(library)))
	}
	wheels, err := exec.Command("bash", "-c", "./deps.sh wheels && ./codecs.sh wheels").Output()
	if err != nil {
		t.Fatal(err)
	}
	licenses := filepath.Join(t.TempDir(), "licenses")
	c := exec.Command("go", "run", "./scripts/sbom", "--version", "1.2.3", "--epoch", "1700000000", "--stage", stage, "--licenses", licenses)
	c.Dir, c.Stdin = "..", bytes.NewReader(wheels)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	text, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &complaint)
	}
	var document bom
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if document.Metadata.Timestamp != "2023-11-14T22:13:20Z" || bytes.Contains(text, []byte("serialNumber")) {
		t.Errorf("the document differs from run to run: its time is %s", document.Metadata.Timestamp)
	}
	var names []string
	for _, c := range document.Components {
		names = append(names, c.Name)
		licensed := len(c.Licenses) > 0 && c.Licenses[0].License.ID+c.Licenses[0].Expression != ""
		if c.Type != "file" && !licensed && len(wheels) > 0 && !strings.HasPrefix(c.Name, "nvidia") {
			t.Errorf("%s %s has no license", c.Name, c.Version)
		}
		if c.Type == "file" && (len(c.Hashes) != 1 || c.Hashes[0].Alg != "SHA-256") {
			t.Errorf("%s has the checksums %v", c.Name, c.Hashes)
		}
	}
	for _, want := range []string{
		"bin/extract", "lib/libtensorflow_framework.so.2", "std", "zstd", "github.com/apache/arrow/go/v15",
		"VGG16, convolutional base, ImageNet",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if _, err := os.Stat(filepath.Join(licenses, "github.com", "spf13")); err != nil {
		t.Error("the texts of licenses were not kept: ", err)
	}
	validate(t, text)
}

// validate has the document read by the library of the format's makers.
func validate(t *testing.T, text []byte) {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON_SBOM")
	if python == "" {
		t.Log("not validated: FOVEA_PYTHON_SBOM is not set: see scripts/python.sh")
		return
	}
	broken := bytes.Replace(text, []byte(`"CC-BY-4.0"`), []byte(`"no such license"`), 1)
	for want, document := range map[string][]byte{" components, ": text, "is not valid": broken} {
		name := filepath.Join(t.TempDir(), "fovea.cdx.json")
		if err := os.WriteFile(name, document, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "../testdata/python/check_sbom.py", name).CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// placeFile puts a file elsewhere without a copy where that is possible.
func placeFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Link(from, to) == nil {
		return
	}
	if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
