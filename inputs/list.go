package inputs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"fovea/internal/redact"
	"fovea/objects"
	"fovea/pipeline"
)

// maxLine bounds a line of standard input: no system has longer paths.
const maxLine = 1 << 20

// ErrStdinTwice says that standard input, which can be read only once, is named twice.
var ErrStdinTwice = errors.New("- names standard input, which can be read only once")

// List finds the images that names stand for, for commands that answer for every single one of them:
// files, directories, archives, Parquet tables, and URLs of any of these in an object store; "-"
// stands for more names on stdin, one a line.
//
// Files come first, in the order in which they are given and under the names they are given by, then
// what lies in directories, archives, tables and stores, as Finder lists it. A file in a list that
// cannot be found is still an item, which becomes a failure when it is read; one among names
// is an error.
func (o Options) List(ctx context.Context, names []string, stdin io.Reader) (pipeline.Listing, error) {
	l := lister{ctx: ctx, finder: o.Finder()}
	for i, name := range names {
		var err error
		switch {
		case name != "-":
			err = l.argument(name)
		case slices.Contains(names[i+1:], "-"):
			err = ErrStdinTwice
		default:
			err = l.lines(stdin)
		}
		if err != nil {
			return l.found, err
		}
	}
	err := l.finish()
	return l.found, err
}

// lister is a List in progress.
type lister struct {
	ctx    context.Context
	finder pipeline.Finder
	// files were named themselves.
	files []pipeline.Item
	// holders are directories, and files that hold images, among the names; listed are those files
	// in a list.
	holders, listed []string
	// found is what lies in holders and stores.
	found pipeline.Listing
}

func (l *lister) argument(name string) error {
	if objects.IsURL(name) {
		return l.url(name)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("cannot open the image: %w", err)
	case info.IsDir() || l.holdsImages(name):
		l.holders = append(l.holders, name)
	default:
		l.file(name)
	}
	return nil
}

// file adds a file by its name, which is a URL if it is in a store.
func (l *lister) file(name string) {
	l.files = append(l.files, pipeline.Item{Path: name, File: name, Argument: name})
}

// holdsImages says whether a file is an archive or a table of images, by its name.
func (l *lister) holdsImages(name string) bool {
	return slices.ContainsFunc(l.finder.Openers, func(open pipeline.Opener) bool {
		source, err := open(name, nil)
		return source != nil || err != nil
	})
}

// url lists what a URL names. A single image keeps its place among the files.
func (l *lister) url(name string) error {
	listing, err := l.finder.List(l.ctx, []string{name}, nil)
	address := redact.Place(name)
	if len(listing.Items) == 1 && listing.Items[0].Source == nil && listing.Items[0].File == address {
		item := listing.Items[0]
		item.Path = address
		l.files = append(l.files, item)
		return err
	}
	l.add(listing)
	return err
}

func (l *lister) add(more pipeline.Listing) {
	l.found.Items = append(l.found.Items, more.Items...)
	l.found.Failures = append(l.found.Failures, more.Failures...)
	l.found.Skipped += more.Skipped
	for _, kind := range more.Foreign {
		known := slices.IndexFunc(l.found.Foreign, func(f pipeline.ForeignFiles) bool { return f.Format == kind.Format })
		if known < 0 {
			l.found.Foreign = append(l.found.Foreign, kind)
			continue
		}
		l.found.Foreign[known].Files += kind.Files
	}
}

// lines reads a list of names.
func (l *lister) lines(list io.Reader) error {
	lines := bufio.NewScanner(list)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if name := strings.TrimSuffix(lines.Text(), "\r"); name != "" {
			if err := l.line(name); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the paths from standard input: %w: write one path per line", err)
	}
	return nil
}

// line is argument for a name in a list: what is not there is a row with an error rather than the
// end.
func (l *lister) line(name string) error {
	if objects.IsURL(name) {
		err := l.url(name)
		if errors.Is(err, pipeline.ErrNoPictures) {
			place := redact.Place(name)
			item := pipeline.Item{Path: place, File: place, Argument: place}
			l.found.Failures = append(l.found.Failures, pipeline.Failure{Item: item, Stage: pipeline.StageList, Reason: err.Error()})
			return nil
		}
		return err
	}
	if local, err := objects.OnlyLocalPath(name); err == nil {
		name = local
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		l.holders = append(l.holders, name)
	case err == nil && l.holdsImages(name):
		l.listed = append(l.listed, name)
	default:
		l.file(name)
	}
	return nil
}

// finish looks into the directories and files that hold images.
func (l *lister) finish() error {
	if len(l.holders) > 0 {
		listing, err := l.finder.List(l.ctx, l.holders, nil)
		l.add(listing)
		if err != nil {
			return err
		}
	}
	if len(l.listed) > 0 {
		listing, err := l.finder.ListPaths(l.ctx, strings.NewReader(strings.Join(l.listed, "\x00")+"\x00"), nil)
		l.add(listing) // their problems are among the failures
		if err != nil && !errors.Is(err, pipeline.ErrNoPictures) {
			return err
		}
	}
	if err := l.samePath(); err != nil {
		return err
	}
	l.found.Items = append(l.files, l.found.Items...)
	if len(l.found.Items) == 0 {
		return l.nothing()
	}
	return nil
}

// samePath refuses images in different places that results could not tell apart.
func (l *lister) samePath() error {
	files := make(map[string]string, len(l.found.Items))
	for _, item := range l.found.Items {
		if other, found := files[item.Path]; found {
			return fmt.Errorf("%s and %s would both be called %q: give their common parent directory instead", other, item.File, item.Path)
		}
		files[item.Path] = item.File
	}
	return nil
}

func (l *lister) nothing() error {
	if len(l.found.Failures) > 0 {
		first := l.found.Failures[0]
		return fmt.Errorf("%w: %s: %s", pipeline.ErrNoPictures, first.Path, first.Reason)
	}
	return fmt.Errorf("%w: standard input names none: write one path per line", pipeline.ErrNoPictures)
}
