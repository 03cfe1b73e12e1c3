package featurestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/crashtest"
)

// crashAlike are files of which nobody reads more than the name: those that are being written, and
// locks.
func crashAlike(name string) bool {
	return path.Base(path.Dir(name)) == path.Base(tempDir) || strings.HasSuffix(name, lockFile)
}

type crashCheck struct {
	*crashCase
	// rows and failures are those of the old and the new dataset, as texts.
	old, new crashTexts
	// files are those of the new dataset, without the manifest, and beside what else there is.
	files  map[string]string
	beside []string
}

type crashTexts struct{ rows, failures []string }

func textsOf(d *crashData) (texts crashTexts) {
	if d == nil {
		return texts
	}
	for _, r := range d.rows {
		texts.rows = append(texts.rows, fmt.Sprintf("%q", []any{r.Path, r.Label, r.Split, r.SHA256, r.Width, r.Height, r.Group, *cmp.Or(r.Georeference, &Georeference{}), r.Features}))
	}
	for _, f := range d.failures {
		texts.failures = append(texts.failures, fmt.Sprintf("%q", []string{f.Path, f.Label, f.Split, f.Stage, f.Reason}))
	}
	return texts
}

// newCrashCheck does what the case does where nothing fails, to know what must come out.
func newCrashCheck(t *testing.T, c *crashCase) *crashCheck {
	dir := crashtest.Scratch(t)
	c.prepare(t, dir)
	must(t, c.again(dir, c.old))
	files, err := crashFiles(filepath.Join(dir, c.out))
	must(t, err)
	return &crashCheck{c, textsOf(c.old), textsOf(c.new), files, top(t, dir)}
}

// crashFiles maps the files of a dataset to their contents, but for the manifest, which has times, and
// what the pictures were read from, which need not be known.
func crashFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		relative, _ := filepath.Rel(dir, name)
		if err != nil || relative == ManifestFile || relative == seenDir || filepath.Dir(relative) == seenDir {
			return err
		}
		if e.IsDir() {
			files[relative+"/"] = ""
			return nil
		}
		raw, err := os.ReadFile(name)
		files[relative] = string(raw)
		return err
	})
	return files, err
}

// look reads what is found, and sees that it can be lived with.
func (c *crashCheck) look(dir string) (*crashData, error) {
	read := crashRead
	if c.table {
		read = c.readTable
	}
	found, err := read(filepath.Join(dir, c.out))
	if err != nil {
		return nil, err
	}
	if err := c.again(dir, found); err != nil {
		return nil, fmt.Errorf("%s was found and cannot be lived with: %w", found, err)
	}
	if err := c.outcome(dir); err != nil {
		return nil, fmt.Errorf("%s was found: %w", found, err)
	}
	return found, nil
}

// readTable gives the new dataset if a directory has its files, nil if it is not there.
func (c *crashCheck) readTable(dir string) (*crashData, error) {
	if crashtest.Gone(dir) {
		return nil, nil
	}
	files, err := crashFiles(dir)
	if err == nil && !maps.Equal(files, c.files) {
		err = fmt.Errorf("the table has %d files, not all as they should be of %d", len(files), len(c.files))
	}
	return c.crashCase.new, err
}

// crashRead reads a dataset, nil if there is none.
func crashRead(dir string) (*crashData, error) {
	d, err := Open(dir)
	if errors.Is(err, ErrNotDataset) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := &crashData{status: d.Manifest().Status}
	err = d.Scan(context.Background(), ScanOptions{Readers: 1}, func(b *Batch) error {
		for i, r := range b.Rows {
			for l, layer := range d.Recipe().Layers {
				r.Features = append(r.Features, slices.Clone(b.Vectors[l][i*layer.Size():(i+1)*layer.Size()]))
			}
			found.rows = append(found.rows, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if found.failures, err = d.Failures(); err != nil {
		return nil, err
	}
	return found, errors.Join(crashSeen(d, found), Verify(dir))
}

// crashSeen checks what is known of pictures, by the numbers in their rows and names: it is right, or
// nothing is known.
func crashSeen(d *Dataset, found *crashData) error {
	seen, err := d.seen()
	if err != nil || len(seen) != len(found.rows) {
		return fmt.Errorf("of %d rows %d are known: %w", len(found.rows), len(seen), err)
	}
	failures, err := d.Failures()
	if err != nil {
		return err
	}
	for i, r := range found.rows {
		if seen[i] != [seenSize]byte{} && seen[i] != seenAs(int(r.Width)-100) {
			return fmt.Errorf("%q is known as %q", r.Path, seen[i])
		}
	}
	for _, f := range failures {
		var number int
		if _, err := fmt.Sscanf(f.Path, "bad/%d.jpg", &number); err != nil {
			return err
		}
		if f.Seen != [seenSize]byte{} && f.Seen != seenAs(-number) {
			return fmt.Errorf("%q is known as %q", f.Path, f.Seen)
		}
	}
	return nil
}

func (d *crashData) String() string {
	if d == nil {
		return "no dataset"
	}
	return fmt.Sprintf("a dataset (%s) with %d rows and %d failures", d.status, len(d.rows), len(d.failures))
}

// judge says whether that may be found in a state.
func (c *crashCheck) judge(found *crashData, s *crashtest.State) error {
	texts := textsOf(found)
	same := func(d *crashData, t crashTexts) bool {
		if d == nil || found == nil {
			return d == nil && found == nil
		}
		return d.status == found.status && slices.Equal(t.rows, texts.rows) && slices.Equal(t.failures, texts.failures)
	}
	if same(c.crashCase.new, c.new) {
		return nil
	}
	if s.Marked("done") {
		return fmt.Errorf("%s was found after it was done", found)
	}
	var rows, failures int
	for _, m := range s.Marks[slices.Index(s.Marks, "settled"):] { // not those of the preparation
		_, _ = fmt.Sscanf(m, "kept %d %d", &rows, &failures)
	}
	if c.keeps {
		rows, failures = max(rows, len(c.old.rows)), max(failures, len(c.old.failures))
	}
	if same(c.crashCase.old, c.old) && len(texts.rows) >= rows && len(texts.failures) >= failures {
		return nil
	}
	begins := func(all, some []string) bool { return len(some) <= len(all) && slices.Equal(all[:len(some)], some) }
	switch {
	case !c.grows || found == nil || found.status != StatusWriting:
		return fmt.Errorf("%s was found, which is neither the old nor the new one", found)
	case len(texts.rows) < rows || len(texts.failures) < failures:
		return fmt.Errorf("%s was found, but %d and %d had been kept", found, rows, failures)
	case c.crashCase.new != nil && (!begins(c.new.rows, texts.rows) || !begins(c.new.failures, texts.failures)):
		return fmt.Errorf("%s was found, and not all of it is of the new one", found)
	}
	return nil
}

// outcome checks that all is well after the power came back.
func (c *crashCheck) outcome(dir string) error {
	out := filepath.Join(dir, c.out)
	if !c.table {
		d, err := Open(out)
		if err != nil {
			return err
		}
		if status := d.Manifest().Status; status != StatusComplete {
			return fmt.Errorf("in the end it is %s", status)
		}
		if c.crashCase.new != nil {
			if err := crashSeen(d, c.crashCase.new); err != nil {
				return err
			}
		}
	}
	files, err := crashFiles(out)
	if err != nil {
		return err
	}
	for name := range c.files {
		if got, ok := files[name]; !ok || got != c.files[name] {
			return fmt.Errorf("in the end %s holds %d bytes, not those %d of one that was not interrupted", name, len(got), len(c.files[name]))
		}
	}
	for name := range files {
		left := crashAlike(name) || name == tempDir+"/" // harmless, and for the next writer to remove
		if _, ok := c.files[name]; !ok && !(c.idle && left) {
			return fmt.Errorf("in the end there is %s, too", name)
		}
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !slices.Contains(c.beside, e.Name()) && !c.idle {
			return fmt.Errorf("in the end there is %s beside", e.Name())
		}
	}
	return err
}
