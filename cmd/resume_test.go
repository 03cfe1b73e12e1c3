package cmd_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"fovea/featurestore"
)

// incremental is a directory of pictures and a dataset of them.
type incremental struct {
	*testing.T
	dir string
	// log is what the last command has said.
	log string
}

func newIncremental(t *testing.T) *incremental {
	t.Parallel()
	return &incremental{T: t, dir: t.TempDir()}
}

func (i *incremental) path(name string) string { return filepath.Join(i.dir, name) }

// pictures writes pictures of one size, each of its own colour.
func (i *incremental) pictures(names ...string) {
	i.Helper()
	for _, name := range names {
		sum := sha256.Sum256([]byte(name))
		img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
		for p := range img.Pix {
			img.Pix[p] = sum[p%len(sum)]
			if p%4 == 3 {
				img.Pix[p] = 255
			}
		}
		file := i.path(name)
		check(i.T, os.MkdirAll(filepath.Dir(file), 0o755))
		f, err := os.Create(file)
		check(i.T, err)
		check(i.T, errors.Join(bmp.Encode(f, img), f.Close()))
	}
}

// sh runs a line of a shell where the pictures are.
func (i *incremental) sh(line string) {
	i.Helper()
	command := exec.Command("sh", "-ec", line)
	command.Dir = i.dir
	if output, err := command.CombinedOutput(); err != nil {
		i.Fatalf("%s: %v: %s", line, err, output)
	}
}

// extract runs the command, which must end with a status.
func (i *incremental) extract(status int, arguments ...string) {
	i.Helper()
	if !i.try(status, arguments...) {
		i.Fatalf("extract %s does not end with status %d: %s", strings.Join(arguments, " "), status, i.log)
	}
}

// try runs the command, and reports whether it ends with a status.
func (i *incremental) try(status int, arguments ...string) bool {
	i.Helper()
	model, err := filepath.Abs(smallModel)
	check(i.T, err)
	common := []string{"--out", "out", "--model", model, "--preprocessing", "none", "--layers", "small/conv1/Conv2D", "--pool", "avg"}
	if !slices.Contains(arguments, "--resume") {
		common = append(common, "--rows-per-file", "4")
	}
	command := exec.Command(filepath.Join(binaries, "extract"), append(common, arguments...)...)
	command.Dir = i.dir
	output, _ := command.CombinedOutput() // the status is looked at
	i.log = string(output)
	return command.ProcessState.ExitCode() == status
}

func (i *incremental) says(pattern string) {
	i.Helper()
	if !regexp.MustCompile(pattern).MatchString(i.log) {
		i.Errorf("it does not say %q:\n%s", pattern, i.log)
	}
}

// agrees compares the rows with the files, and their number.
func (i *incremental) agrees(out string, rows int, roots ...string) {
	i.Helper()
	check(i.T, featurestore.Verify(i.path(out)))
	d, err := featurestore.Open(i.path(out))
	check(i.T, err)
	index, err := d.Index(context.Background())
	check(i.T, err)
	files := map[string]string{}
	for _, root := range roots {
		i.sums(files, i.path(root), "")
	}
	for n, path := range index.Paths {
		if sum, ok := files[path]; ok && sum != index.SHA256[n] {
			i.Errorf("the row of %s is not of the image that is there", path)
		}
	}
	if index.Rows != rows {
		i.Errorf("there are %d rows, want %d:\n%s", index.Rows, rows, i.log)
	}
}

// sums are the SHA-256 of the files below a directory, through links and in archives.
func (i *incremental) sums(sums map[string]string, dir, prefix string) {
	i.Helper()
	entries, err := os.ReadDir(dir)
	check(i.T, err)
	for _, e := range entries {
		file, path := filepath.Join(dir, e.Name()), prefix+e.Name()
		info, err := os.Stat(file)
		check(i.T, err)
		if info.IsDir() {
			i.sums(sums, file, path+"/")
			continue
		}
		f, err := os.Open(file)
		check(i.T, err)
		sums[path] = i.sum(f)
		if strings.HasSuffix(path, ".tar") {
			_, err := f.Seek(0, io.SeekStart)
			check(i.T, err)
			archive := tar.NewReader(f)
			for header, err := archive.Next(); !errors.Is(err, io.EOF); header, err = archive.Next() {
				check(i.T, err)
				sums[path+"/"+header.Name] = i.sum(archive)
			}
		}
		check(i.T, f.Close())
	}
}

func (i *incremental) sum(r io.Reader) string {
	i.Helper()
	hash := sha256.New()
	_, err := io.Copy(hash, r)
	check(i.T, err)
	return hex.EncodeToString(hash.Sum(nil))
}

// settled waits until what was written can be told from what will be.
func settled() { time.Sleep(2100 * time.Millisecond) }

// TestResumeAfterChanges changes pictures in all ways between two runs.
func TestResumeAfterChanges(t *testing.T) {
	i := newIncremental(t)
	i.pictures("p/a.bmp", "p/same.bmp", "p/touched.bmp", "p/dir/x.bmp", "other/x.bmp", "p/linked.1/x.bmp", "p/linked.2/x.bmp", "p/gone.bmp", "p/t.bmp", "new.bmp", "mended.bmp")
	i.sh("ln -s linked.1 p/link; echo no image > p/broken.bmp; tar cf p/x.tar -C p t.bmp; cp -r --preserve=timestamps p/dir older; cp -p other/x.bmp older/x.bmp")
	settled()
	i.extract(3, "p")
	i.agrees("out", 10, "p")
	i.extract(3, "--resume", "p")
	if strings.Contains(i.log, "may be different") {
		i.Errorf("unchanged images are in doubt: %s", i.log)
	}
	i.says("extracting features of 0 images")

	// A clock that was fast wrote this.
	manifest := i.path("out/.fovea/manifest.json")
	text, err := os.ReadFile(manifest)
	check(t, err)
	fast := regexp.MustCompile(`("created|"finished)": "20`).ReplaceAll(text, []byte(`$1": "21`))
	fast = regexp.MustCompile(`,\s*"checksum": "[^"]*"`).ReplaceAll(fast, nil)
	if string(fast) == string(text) {
		t.Fatal("the manifest has no time")
	}
	check(t, os.WriteFile(manifest, fast, 0o644))

	i.sh(`touch -r p/a.bmp keep; cat new.bmp > p/a.bmp; touch -r keep p/a.bmp # as rsync -t and tar leave it
		touch p/touched.bmp; cat p/same.bmp > keep; cat keep > p/same.bmp
		mv p/dir away; mv older p/dir
		rm p/link; ln -s linked.2 p/link
		touch -r p/x.tar keep; cp new.bmp away/t.bmp; tar cf p/x.tar -C away t.bmp; touch -r keep p/x.tar
		cat mended.bmp > p/broken.bmp
		rm p/gone.bmp`)
	i.extract(0, "--resume", "p")
	i.agrees("out", 11, "p") // that of the deleted picture is still there
	i.says("4 images have changed since their features were extracted, the first is a.bmp")
	i.says("extracting features of 5 images")
}

// TestResumeInSteps has changes outlive runs over other pictures, compaction and merging.
func TestResumeInSteps(t *testing.T) {
	i := newIncremental(t)
	i.pictures("p/a.bmp", "p/b.bmp", "p/c.bmp", "q/d.bmp", "q/e.bmp", "new.bmp")
	i.extract(0, "p")
	i.sh("cat new.bmp > p/b.bmp")
	i.extract(0, "--resume", "--include", "a*", "p")
	i.extract(0, "--resume", "p")
	i.agrees("out", 3, "p")
	i.says("1 image has changed")

	i.sh("cat new.bmp > p/c.bmp; " + filepath.Join(binaries, "extract") + " dataset compact out")
	i.extract(0, "--resume", "p")
	i.agrees("out", 3, "p")

	i.sh("cat new.bmp > p/a.bmp; mv out first")
	i.extract(0, "q")
	i.sh("mv out second; " + filepath.Join(binaries, "extract") + " dataset merge out first second")
	i.extract(0, "--resume", "p", "q")
	i.agrees("out", 5, "p", "q")
	i.says("1 image has changed")
}

// TestResumeWithAnotherRoot goes on with other pictures of the same names, which are older.
func TestResumeWithAnotherRoot(t *testing.T) {
	i := newIncremental(t)
	i.pictures("second/a.bmp", "second/b.bmp", "first/a.bmp")
	i.sh("touch -d 2001-01-01 second/*; cp -p second/b.bmp first/")
	settled()
	i.extract(0, "first")
	i.extract(0, "--resume", "second")
	i.agrees("out", 2, "second")
	i.says("1 image has changed since its features were extracted, the first is a.bmp")
}

// TestResumeRetriesWhatIsSelected keeps the failures of pictures that are not.
func TestResumeRetriesWhatIsSelected(t *testing.T) {
	i := newIncremental(t)
	i.pictures("p/a.bmp")
	i.sh("echo nothing > p/b.bmp; mkdir p/d; echo nothing > p/d/c.bmp; echo nothing > p/x.tar")
	i.extract(3, "p")
	i.extract(3, "--resume", "--retry-failed", "--include", "b*", "p")
	i.says("extracting features of 1 image")
	failures := func() (paths []string) {
		d, err := featurestore.Open(i.path("out"))
		check(t, err)
		all, err := d.Failures()
		check(t, err)
		for _, f := range all {
			paths = append(paths, f.Path)
		}
		slices.Sort(paths)
		return paths
	}
	if got, want := failures(), []string{"b.bmp", "d/c.bmp", "x.tar"}; !slices.Equal(got, want) {
		t.Errorf("failures are %q, want %q", got, want)
	}
	i.sh("rm p/x.tar; tar cf p/x.tar -C p a.bmp") // which now is an archive
	i.extract(3, "--resume", "p")
	if got, want := failures(), []string{"b.bmp", "d/c.bmp"}; !slices.Equal(got, want) {
		t.Errorf("failures are %q, want %q", got, want)
	}
	i.agrees("out", 2, "p")
}

// TestResumeWithoutMemory has what the pictures were read from lost: they are read again and compared, once.
func TestResumeWithoutMemory(t *testing.T) {
	i := newIncremental(t)
	i.pictures("p/a.bmp", "p/b.bmp", "p/c.bmp", "new.bmp")
	settled()
	i.extract(0, "p")
	seen := i.path("out/.fovea/seen")
	if _, err := os.Stat(seen); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("nothing is remembered")
	}
	changed := time.Now()
	i.sh("cat new.bmp > p/b.bmp; touch -d 2001-01-01 p/b.bmp; rm -r out/.fovea/seen") // as an earlier version leaves it
	i.extract(0, "--resume", "p")
	soon := time.Since(changed) < 2*time.Second // otherwise it may have been read after it had settled
	i.says("3 of 3 images may be different")
	i.agrees("out", 3, "p")
	i.says("1 image has changed")
	settled()
	i.extract(0, "--resume", "p")
	if soon {
		i.says("1 of 3 images may be different by now, the first is b.bmp") // it was changed just before it was read
	} else {
		t.Log("the machine took too long for an image to be read just after its change: not tested")
	}
	i.extract(0, "--resume", "p")
	if strings.Contains(i.log, "may be different") {
		t.Errorf("they are read for ever: %s", i.log)
	}
}

// TestResumeWithATable replaces pictures in a Parquet file.
func TestResumeWithATable(t *testing.T) {
	i := newIncremental(t)
	table, err := os.ReadFile("../testdata/tables/pets.parquet")
	check(t, err)
	check(t, os.Mkdir(i.path("p"), 0o755))
	file := i.path("p/pets.parquet")
	check(t, os.WriteFile(file, table, 0o644))
	settled()
	i.extract(3, "p")
	i.sh("touch p/pets.parquet")
	i.extract(3, "--resume", "p")
	i.says("6 of 6 images may be different")
	i.says("extracting features of 0 images")

	begin := []byte("\xff\xda") // of the lines of a JPEG, which lies there as it is
	other := slices.Clone(table)
	for at := bytes.Index(other, begin); at >= 0; {
		other[at+40] ^= 1
		next := bytes.Index(other[at+1:], begin)
		if at += 1 + next; next < 0 {
			break
		}
	}
	check(t, os.WriteFile(file+".new", other, 0o644))
	i.sh("touch -r p/pets.parquet p/pets.parquet.new; mv p/pets.parquet.new p/pets.parquet")
	i.extract(3, "--resume", "p")
	i.says("3 images have changed since their features were extracted, the first is pets.parquet/cats/1.jpg")
	i.says("extracting features of 3 images")
}
