package extraction

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/text"
	"fovea/objects"
	"fovea/picture"
	"fovea/pipeline"
)

// groupKey makes the groups of patients. It is secret: whoever has it can try identifiers until their groups are those of
// a dataset.
type groupKey []byte

// Sizes of a key's file in bytes: a new one has newKeyBytes of randomness, in hex.
const (
	leastKeyBytes = 16
	mostKeyBytes  = 1 << 20
	newKeyBytes   = 32
)

// sum is a keyed hash in hex.
func (k groupKey) sum(value string, digits int) string {
	h := hmac.New(sha256.New, k)
	_, _ = io.WriteString(h, value) // never fails
	return hex.EncodeToString(h.Sum(nil))[:digits]
}

// id tells keys apart, and nothing else about them.
func (k groupKey) id() string { return k.sum("key\x00", 16) }

// group is that of an image, in which nothing is left of who it shows. A file that does not tell the patient is grouped by
// its study.
func (k groupKey) group(facts picture.Facts, studies *atomic.Int64) (string, error) {
	person, err := facts.Person()
	if err != nil {
		return "", err
	}
	if facts.Patient == "" {
		studies.Add(1)
	}
	return k.sum(person, 32), nil
}

// readGroupKey reads a key from its file, with or without a line's end.
func readGroupKey(file string) (groupKey, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read-only
	raw, err := io.ReadAll(io.LimitReader(f, mostKeyBytes+1))
	key := strings.TrimRight(string(raw), "\r\n")
	switch {
	case err != nil:
		return nil, err
	case len(raw) > mostKeyBytes:
		return nil, wrong("--group-key %s has more than %d bytes: it is no key", file, mostKeyBytes)
	case len(key) < leastKeyBytes:
		return nil, wrong("--group-key %s has %d bytes, which can be guessed: give a file of %d random bytes or more, or one that does not exist, to have it made", file, len(key), leastKeyBytes)
	}
	return groupKey(key), nil
}

// makeGroupKey makes a new key in a file that only its owner can read.
func makeGroupKey(file string) (groupKey, error) {
	random := make([]byte, newKeyBytes)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	key := hex.EncodeToString(random)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(f, key+"\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(file))
	}
	logrus.Infof("made the key of the groups in %s: keep it, secret and apart from the dataset; more images of these patients, and datasets to be merged, need it", file)
	return groupKey(key), nil
}

// validateGroups finds what is wrong with the columns on request.
func (o Options) validateGroups() error {
	switch {
	case o.GroupBy.ByPatient() && o.GroupKey == "":
		return wrong("--group-by patient requires --group-key FILE: the key with which patients' identifiers are hashed; a file that does not exist is made")
	case o.GroupKey != "" && !o.GroupBy.ByPatient():
		return wrong("--group-key is for --group-by patient")
	case o.Add && (o.GroupBy.Any() || o.Georeference):
		return wrong("adding columns keeps what rows have besides: leave out --group-by and --georeference")
	case o.GroupBy.ByLabels():
		if _, ok := o.Labels.(pipeline.CSVLabels); !ok {
			return wrong("--group-by labels requires --labels csv:FILE, with a column group")
		}
	}
	if o.GroupKey == "" || o.Out == "" || objects.IsURL(o.Out) {
		return nil
	}
	if inside(o.Out, o.GroupKey) {
		return wrong("--group-key %s is in the dataset's directory, with which it would be passed on: keep it elsewhere", o.GroupKey)
	}
	return nil
}

// inside says whether a file is, or would be, in a directory, by whatever names and links.
func inside(dir, file string) bool {
	from, dirErr := filepath.Abs(dir)
	to, fileErr := filepath.Abs(file)
	if relative, err := filepath.Rel(from, to); errors.Join(dirErr, fileErr, err) == nil && filepath.IsLocal(relative) {
		return true
	}
	there, err := os.Stat(dir)
	if err != nil {
		return false
	}
	for _, name := range []string{to, target(to)} {
		for up := filepath.Dir(name); ; up = filepath.Dir(up) {
			if info, err := os.Stat(up); err == nil && os.SameFile(info, there) {
				return true
			}
			if up == filepath.Dir(up) {
				break
			}
		}
	}
	return false
}

// target is the file that a name leads to through links, or would.
func target(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		return filepath.Join(real, filepath.Base(name))
	}
	return name
}

// openGroups reads the key, if there is one to be. One that is not there is left to keyGroups, unless the dataset is known
// to have been made with it.
func (r *run) openGroups() (err error) {
	if !r.GroupBy.ByPatient() {
		return nil
	}
	r.key, err = readGroupKey(r.GroupKey)
	if errors.Is(err, fs.ErrNotExist) {
		if dir, err := objects.LocalPath(r.Out); err == nil && !objects.IsURL(r.Out) {
			return r.requireKey(dir)
		}
		return nil
	}
	return keyError(err)
}

// requireKey refuses to go on with a dataset in dir without the key that it was made with.
func (r *run) requireKey(dir string) error {
	if !r.GroupBy.ByPatient() || r.key != nil || !r.Resume && !r.Sync {
		return nil
	}
	there, err := featurestore.HasDataset(dir)
	if err == nil && there {
		err = wrong("--group-key %s does not exist: give the file with which the dataset was made", r.GroupKey)
	}
	return err
}

// keyGroups makes a key where there is none, once it is known what is in the dataset's directory, which a URL's is copied
// to: one for a new dataset alone.
func (r *run) keyGroups(dir string) (err error) {
	if !r.GroupBy.ByPatient() || r.key != nil {
		return nil
	}
	if err := r.requireKey(dir); err != nil {
		return err
	}
	if r.key, err = makeGroupKey(r.GroupKey); errors.Is(err, fs.ErrExist) { // that of another run, which began together with this one
		r.key, err = readGroupKey(r.GroupKey)
	}
	return keyError(err)
}

// keyError says what an error was about.
func keyError(err error) error {
	var refused *OptionsError
	if err != nil && !errors.As(err, &refused) {
		err = fmt.Errorf("extraction: open the key of the groups: %w", err)
	}
	return err
}

// describe has the pipeline find what the columns on request need.
func (r *run) describe(config *pipeline.Config) {
	config.Facts = picture.WantedFacts{Identity: r.GroupBy.ByPatient(), Georeference: r.Georeference}
	if r.GroupBy.ByPatient() {
		config.Group = func(facts picture.Facts) (string, error) { return r.key.group(facts, &r.byStudy) }
	}
}

// noteStudies says how many images do not tell their patients.
func (r *run) noteStudies() {
	if n := int(r.byStudy.Load()); n > 0 {
		logrus.Warnf("%s without a PatientID: grouped by their studies, so that other studies of the same patient may be on the other side of a split", text.Plural(n, "image"))
	}
}

// extra are the dataset's columns on request, and how its groups were found.
func (r *run) extra() (extra []featurestore.Extra, grouping string) {
	if r.GroupBy.Any() {
		extra, grouping = append(extra, featurestore.ExtraGroup), r.GroupBy.String()
	}
	if r.GroupBy.ByPatient() {
		grouping += ", key " + r.key.id()
	}
	if r.Georeference {
		extra = append(extra, featurestore.ExtraGeoreference)
	}
	return extra, grouping
}
