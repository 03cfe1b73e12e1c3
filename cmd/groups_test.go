package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/internal/s3test"
)

// TestSyncGroups: groups follow the images, or the table, as those of a dataset that is made anew.
func TestSyncGroups(t *testing.T) {
	i := newIncremental(t)
	for n := range 12 {
		i.pictures(fmt.Sprintf("p/%c/%d.bmp", 'a'+n%3, n))
	}
	i.pictures("new1.bmp", "new2.bmp")
	settled()
	i.extract(0, "--group-by", "parent", "p")
	for _, step := range []struct{ sh, says string }{
		{"", "12 kept"},
		{"mv p/a p/z; mv p/b/1.bmp p/c/1.bmp", "7 kept, 5 moved"},
		{"cp p/c/2.bmp p/z/copy.bmp; cp new1.bmp p/c/5.bmp; cp new2.bmp p/b/new.bmp; rm p/b/4.bmp", "1 copied, 1 changed, 1 new"},
	} {
		i.sh(step.sh)
		i.sync("--group-by", "parent", "p")
		i.says(step.says)
	}
	i.extract(1, "--sync", "p")
	i.says("columns on request: group in the dataset, none now; give --group-by")
	i.extract(1, "--resume", "--group-by", "regexp:(.)", "p")
	i.says(`groups: parent in the dataset, regexp:\(.\) now; give --group-by`)
	before := rowsOf(i.T, i.path("out"), "small/conv1/Conv2D")
	mustEnd(t, small(i.path("out"), "--add", "--group-by", "parent", i.path("p")), 2)
	mustEnd(t, small(i.path("out"), "--add", "--as", "more_", "--pool", "max", i.path("p")), 0)
	if after := rowsOf(i.T, i.path("out"), "small/conv1/Conv2D"); !slices.Equal(before, after) {
		t.Errorf("adding a column changes rows:\n%q\n%q", before, after)
	}
}

// TestResumeGroups: a table that has changed since changes the groups of the rows that are there, and says so.
func TestResumeGroups(t *testing.T) {
	i := newIncremental(t)
	i.pictures("p/a.bmp", "p/b.bmp", "p/c.bmp", "later.bmp")
	table := func(rows ...string) {
		check(t, os.WriteFile(i.path("t.csv"), []byte("path,label,patient\n"+strings.Join(rows, "\n")+"\n"), 0o644))
	}
	groups := func() (all []string) {
		d, err := featurestore.Open(i.path("out"))
		check(t, err)
		index, err := d.Index(context.Background())
		check(t, err)
		for n, path := range index.Paths {
			all = append(all, path+"="+index.Groups[n])
		}
		return all
	}
	table("a.bmp,cat,p1", "b.bmp,dog,p1", "c.bmp,cat,")
	i.extract(2, "--group-by", "labels", "p")
	i.says("requires --labels csv:FILE")
	i.extract(1, "--labels", "csv:t.csv", "--group-by", "labels", "p")
	i.says(`csv,group=COLUMN:FILE names the column`)
	settled()
	i.extract(0, "--group-by", "csv,group=patient:t.csv", "p")
	if got := groups(); !slices.Equal(got, []string{"a.bmp=p1", "b.bmp=p1", "c.bmp="}) {
		t.Errorf("the groups are %q", got)
	}
	i.sh("cp later.bmp p/d.bmp")
	i.extract(1, "--resume", "--group-by", "csv,group=patient:t.csv", "p")
	i.says("lacks 1 of 4 images")
	table("a.bmp,cat,p1", "b.bmp,dog,p2", "c.bmp,cat,p2", "d.bmp,cat,p2")
	i.extract(0, "--resume", "--group-by", "csv,group=patient:t.csv", "p")
	i.says("2 rows and 0 failures were given other labels, splits or groups.*the group .*p1.* became .*p2.* in 1 row")
	if got := groups(); !slices.Equal(got, []string{"a.bmp=p1", "b.bmp=p2", "c.bmp=p2", "d.bmp=p2"}) {
		t.Errorf("the groups are %q", got)
	}
	check(t, featurestore.Verify(i.path("out")))
	relabel := exec.Command(filepath.Join(binaries, "extract"), "dataset", "relabel", "--labels", "csv:"+i.path("t.csv"), i.path("out"))
	mustEnd(t, relabel, 0)
	if got := groups(); !slices.Equal(got, []string{"a.bmp=p1", "b.bmp=p2", "c.bmp=p2", "d.bmp=p2"}) {
		t.Errorf("relabelled, the groups are %q", got)
	}
}

// dicomFolder has some of pydicom's test files, and what patients.txt says of them.
func dicomFolder(t *testing.T, names ...string) (folder string, of map[string][3]string) {
	t.Helper()
	out, err := exec.Command("../testdata/picture/corpora.sh", "path", "pydicom").Output()
	from := strings.TrimSpace(string(out))
	if _, missing := os.Stat(from); err != nil || missing != nil {
		t.Skipf("pydicom's test files are not at hand; to fetch them: testdata/picture/corpora.sh (%v, %v)", err, missing)
	}
	golden, err := os.ReadFile("../testdata/picture/patients.txt")
	check(t, err)
	folder, of = t.TempDir(), map[string][3]string{}
	for line := range strings.Lines(string(golden)) {
		name, said, _ := strings.Cut(strings.TrimSpace(line), "\t")
		var who [3]string
		check(t, json.Unmarshal([]byte(said), &who))
		if slices.Contains(names, name) {
			content, err := os.ReadFile(filepath.Join(from, name))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(folder, name), content, 0o644))
			of[name] = who
		}
	}
	if len(of) != len(names) {
		t.Fatalf("of %q there are %d", names, len(of))
	}
	return folder, of
}

// goldenKey is that of make_patients.py.
const goldenKey = "0123456789abcdef0123456789abcdef"

// TestGroupsOfPatients: groups are the keyed hashes that Python computes, frames have that of their file, and nothing of a
// patient is anywhere in the dataset, nor said.
func TestGroupsOfPatients(t *testing.T) {
	i := newIncremental(t)
	folder, of := dicomFolder(t, "CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "JPEG-lossy.dcm", "ExplVR_BigEnd.dcm", "693_J2KI.dcm", "rtdose.dcm", "JPEGLSNearLossless_08.dcm")
	i.sh("cp -r " + folder + " p; printf " + goldenKey + " > key; printf short > weak")
	settled()
	i.extract(2, "--group-by", "patient", "p")
	i.says("requires --group-key FILE")
	i.extract(2, "--group-by", "patient", "--group-key", "weak", "p")
	i.says("has 5 bytes, which can be guessed")
	i.extract(2, "--group-by", "patient", "--group-key", "out/key", "p")
	i.says("keep it elsewhere")
	i.extract(3, "--group-by", "patient", "--group-key", "key", "--format", "arrow", "--frames", "all", "p")
	i.says("without a PatientID: grouped by their studies")
	i.agreesWithPatients(of)
	said := i.log

	i.extract(2, "--sync", "--group-by", "patient", "--group-key", "lost", "--format", "arrow", "--frames", "all", "p")
	i.says("--group-key lost does not exist: give the file with which the dataset was made")
	if _, err := os.Stat(i.path("lost")); err == nil {
		t.Error("a key is made for a dataset that has one")
	}
	i.extract(3, "--out", "other", "--group-by", "patient", "--group-key", "made", "--format", "arrow", "--include", "CT*", "--include", "JPEGLS*", "p")
	if info, err := os.Stat(i.path("made")); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 65 {
		t.Errorf("the key that was made: %v, %v", info, err)
	}
	i.extract(1, "--resume", "--group-by", "patient", "--group-key", "made", "--format", "arrow", "--frames", "all", "p")
	i.says("groups: patient, key [0-9a-f]{16} in the dataset, patient, key [0-9a-f]{16} now; give --group-by, --group-key")

	i.sh("mv p/CT_small.dcm p/moved.dcm; cp p/MR_small.dcm p/copy.dcm; cp p/MR_small.dcm p/zzz.dcm; printf x >> p/zzz.dcm")
	of["moved.dcm"], of["copy.dcm"], of["zzz.dcm"] = of["CT_small.dcm"], of["MR_small.dcm"], of["MR_small.dcm"]
	i.extract(3, "--sync", "--group-by", "patient", "--group-key", "key", "--format", "arrow", "--frames", "all", "p")
	i.says("1 moved, 1 copied, 1 new")
	i.agreesWithPatients(of)
	for name, who := range of {
		for _, secret := range who[:2] {
			if secret != "" && strings.Contains(said+i.log, secret) {
				t.Errorf("%q of %s is said", secret, name)
			}
		}
	}
}

// TestLostKeyOfAURL: a dataset in an object store is not gone on with by a new key, and none is made.
func TestLostKeyOfAURL(t *testing.T) {
	folder, _ := dicomFolder(t, "CT_small.dcm", "MR_small.dcm")
	server := s3test.Start(t)
	i := &incremental{T: t, dir: t.TempDir()}
	i.sh("cp -r " + folder + " p")
	settled()
	by := func(key string, more ...string) []string {
		return append([]string{"--out", server.URL("set"), "--staging", "staging", "--group-by", "patient", "--group-key", key, "--format", "arrow", "p"}, more...)
	}
	i.extract(1, by("none", "--include", "*.jpg")...)
	if _, err := os.Stat(i.path("none")); err == nil {
		t.Error("a key is made though there are no images")
	}
	i.extract(0, by("key", "--include", "CT*")...)
	for name, more := range map[string][]string{"resume": {"--resume"}, "sync": {"--sync"}, "dry run": {"--sync", "--dry-run"}} {
		for _, staged := range []bool{true, false} {
			if !staged {
				i.sh("rm -rf staging")
			}
			before := server.Keys(t, "set")
			i.extract(2, by("lost", more...)...)
			i.says("--group-key lost does not exist: give the file with which the dataset was made")
			if _, err := os.Stat(i.path("lost")); err == nil {
				t.Errorf("%s: a key is made for a dataset that has one", name)
			}
			if d := cmp.Diff(before, server.Keys(t, "set")); d != "" {
				t.Errorf("%s: the dataset is changed: %s", name, d)
			}
		}
	}
	i.extract(0, by("key", "--resume")...)
	i.says("2 rows")
	i.extract(0, by("new", "--overwrite")...)
	if info, err := os.Stat(i.path("new")); err != nil || info.Size() != 65 {
		t.Errorf("the key of a dataset that replaces another: %v, %v", info, err)
	}
}

// agreesWithPatients compares the groups with the golden ones, and looks for identifiers in all files of the dataset.
func (i *incremental) agreesWithPatients(of map[string][3]string) {
	i.Helper()
	check(i.T, featurestore.Verify(i.path("out")))
	d, err := featurestore.Open(i.path("out"))
	check(i.T, err)
	index, err := d.Index(context.Background())
	check(i.T, err)
	files := map[string]bool{}
	for n, path := range index.Paths {
		name, _, _ := strings.Cut(path, "#")
		files[name] = true
		if who := of[name]; index.Groups[n] != who[2] || who[2] == "" {
			i.Errorf("the group of %s is %q, Python computes %q", path, index.Groups[n], who[2])
		}
	}
	if len(files) < 7 || index.Rows < 20 {
		i.Errorf("there are %d rows of %d files", index.Rows, len(files))
	}
	bytesOf := 0
	check(i.T, filepath.WalkDir(i.path("out"), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		bytesOf += len(content)
		for name, who := range of {
			for _, secret := range who[:2] {
				if secret != "" && bytes.Contains(content, []byte(secret)) {
					i.Errorf("%q of %s is in %s", secret, name, file)
				}
			}
		}
		if bytes.Contains(content, []byte(goldenKey)) {
			i.Errorf("the key is in %s", file)
		}
		return err
	}))
	if bytesOf < 10_000 {
		i.Errorf("the dataset has %d bytes", bytesOf)
	}
}

// TestGeoreferencedRows: rows of files and of tiles lie where rasterio says; other images have no place.
func TestGeoreferencedRows(t *testing.T) {
	i := newIncremental(t)
	archive, err := filepath.Abs("../testdata/picture/geotiff.tar.gz")
	check(t, err)
	golden, err := os.ReadFile("../testdata/picture/geotiff.txt")
	check(t, err)
	i.sh("mkdir p; tar xzf " + archive + " -C p")
	i.pictures("p/plain.bmp")
	i.extract(0, "--out", "whole", "--georeference", "p")
	i.extract(0, "--out", "tiles", "--georeference", "--tile", "32:32", "--format", "arrow", "p")
	places := map[string]*featurestore.Georeference{}
	for _, out := range []string{"whole", "tiles"} {
		check(t, featurestore.Verify(i.path(out)))
		d, err := featurestore.Open(i.path(out))
		check(t, err)
		check(t, d.Scan(context.Background(), featurestore.ScanOptions{Layers: []string{}}, func(b *featurestore.Batch) error {
			for _, r := range b.Rows {
				places[r.Path] = r.Georeference
			}
			return nil
		}))
	}
	if g, there := places["plain.bmp"]; g != nil || !there {
		t.Errorf("an image without a place lies at %+v (%v)", g, there)
	}
	compared := 0
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		path := f[0]
		if f[4] != "0" {
			path += "#" + f[2] + "," + f[3]
		}
		g, there := places[path]
		if f[1] != "0" || !there { // another level, or tiles that are moved inside
			continue
		}
		compared++
		if f[6] == "-" {
			if g != nil {
				t.Errorf("%s lies at %+v", path, *g)
			}
			continue
		}
		if g == nil || g.CRS != strings.TrimPrefix(f[5], "-") {
			t.Errorf("%s lies at %+v, not in %s", path, g, f[5])
			continue
		}
		for n, have := range []float64{g.XMin, g.YMin, g.XMax, g.YMax} {
			want, err := strconv.ParseFloat(f[6+n], 64)
			check(t, err)
			if diff := have - want; diff > 1e-9*max(1, want, -want) || -diff > 1e-9*max(1, want, -want) {
				t.Errorf("%s: bound %d is %v, rasterio has %v", path, n, have, want)
			}
		}
	}
	if compared < 60 {
		t.Errorf("%d places were compared", compared)
	}
}
