package extraction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/pipeline"
)

// Errors of adding columns.
var (
	// ErrOtherImages: the images are not those that the rows were made from.
	ErrOtherImages = errors.New("the images are not those of the dataset's rows")
	// ErrNoVectors: the new columns of some rows cannot be computed.
	ErrNoVectors = errors.New("not all rows have new columns")
)

// add gives the rows of the dataset more columns.
func (r *run) add(ctx context.Context, to destination) error {
	update, err := featurestore.BeginColumns(to.dir, featurestore.Options{MaxMemory: r.MaxMemory})
	if err != nil {
		return err
	}
	err = r.addColumns(ctx, to, update)
	if err := errors.Join(err, update.Close()); err != nil {
		return err
	}
	return r.conclude(ctx, to)
}

func (r *run) addColumns(ctx context.Context, to destination, u *featurestore.Update) error {
	there, err := r.suit(u.Manifest())
	if err != nil {
		return err
	}
	if there {
		logrus.Infof("the dataset has these columns already, made in the same way")
		r.result.Present = u.Manifest().Rows
		unstage(u)
		return nil
	}
	items, same, err := r.images(ctx, u, r.listing)
	if err != nil {
		return err
	}
	if err := u.Recognize(same, nil); err != nil {
		return err
	}
	if err := r.stageColumns(ctx, to, u, items); err != nil {
		return err
	}
	if err := u.CommitColumns(ctx); err != nil {
		return err
	}
	unstage(u)
	return nil
}

// suit adapts the run to a dataset, in which it finds names for the columns. It reports whether they are there already.
func (r *run) suit(have featurestore.Manifest) (there bool, err error) {
	switch {
	case r.DType != "" && r.DType != have.DType:
		return false, wrong("the dataset's numbers are stored as %s, and those of new columns cannot be stored as %s: leave out --dtype", have.DType, r.DType)
	case r.Format != "" && r.Format != have.Format:
		return false, wrong("the dataset's files are in the format %s, which new columns cannot change: leave out --format; extract dataset compact --format %s rewrites it", have.Format, r.Format)
	}
	r.DType, r.Format = have.DType, have.Format
	r.recipe, there, err = nameColumns(have.Recipe, r.recipe, r.As)
	return there, err
}

// images returns the images of the rows, in the order in which they were found, and what identifies those that had to be
// read, by row. It is ErrOtherImages if there are others, or not all of them, or not as they were.
func (o *Options) images(ctx context.Context, u *featurestore.Update, found listing) (items []pipeline.Item, same map[int][16]byte, err error) {
	rows, _ := u.Rows()
	var others strangers
	has := make([]bool, rows.Rows)
	for _, item := range found.Items {
		known, ok := u.Known(item.Path)
		switch {
		case !ok:
			others.add("without a row", item.Path, "")
		case !known.Failed: // failures stay what they are
			row, _ := u.Row(item.Path)
			has[row] = true
			items = append(items, item)
		}
	}
	for row, path := range rows.Paths {
		if !has[row] {
			others.add("missing", path, "")
		}
	}
	c := pipeline.Comparison{Items: items, Known: knownBy(u)}
	if err := o.compare(ctx, &c, func() { c.Doubts = withoutStores(c.Items, c.Doubts) }); err != nil {
		return nil, nil, err
	}
	for _, i := range c.Changed {
		others.add("changed", items[i].Path, "")
	}
	for _, i := range c.Lost {
		others.add("unreadable", items[i].Path, "")
	}
	same = make(map[int][16]byte, len(c.Same))
	for _, s := range c.Same {
		row, _ := u.Row(items[s.Place].Path)
		same[row] = s.Seen
	}
	return items, same, others.refuse(u)
}

// withoutStores leaves out what takes requests to a store: it is read once, when it is extracted, and compared then.
func withoutStores(items []pipeline.Item, doubts []int) (rest []int) {
	for _, i := range doubts {
		if !items[i].InStore() {
			rest = append(rest, i)
		}
	}
	return rest
}

// strangers are images that keep columns from being added, and why.
type strangers struct {
	count map[string]int
	kinds []string
}

// mostStrangers bounds the images that are logged.
const mostStrangers = 100

func (s *strangers) add(kind, path, why string) {
	if s.count == nil {
		s.count = map[string]int{}
	}
	if s.count[kind] == 0 {
		s.kinds = append(s.kinds, kind)
	}
	if s.count[kind]++; s.count[kind] <= mostStrangers {
		logrus.WithFields(logrus.Fields{"path": spelling.Spell(path), "image": kind}).Warn(spelling.Spell(cmp.Or(why, "columns cannot be added because of this image")))
	}
}

// String counts the images of each kind.
func (s *strangers) String() string {
	counts := make([]string, len(s.kinds))
	for i, kind := range s.kinds {
		counts[i] = fmt.Sprintf("%d %s", s.count[kind], kind)
	}
	return strings.Join(counts, ", ")
}

// refuse is the error of the images, if there are any.
func (s *strangers) refuse(u *featurestore.Update) error {
	if len(s.kinds) == 0 {
		return nil
	}
	remedy := "first make the dataset follow them, with --sync and the flags that it was made with, or give all IMAGES that it was made from"
	if have := u.Manifest().Recipe; len(have.Added) > 0 {
		remedy = "give the IMAGES that it was made from, as they were; --sync cannot update a dataset whose columns are made in several ways"
	}
	return fmt.Errorf("extraction: %w: %s; nothing is changed: %s", ErrOtherImages, s, remedy)
}

// fail is the error of images that could not be computed, if there are any.
func (s *strangers) fail() error {
	if len(s.kinds) == 0 {
		return nil
	}
	return fmt.Errorf("extraction: %w: %s; nothing is changed: the same command tries them again; --max-decode-seconds helps with slow ones, and --sync takes out rows of images that have changed, or with --exclude PATTERN of any others", ErrNoVectors, s)
}

// stageColumns computes the vectors in a dataset of their own, which a run that is interrupted leaves for the next one.
func (r *run) stageColumns(ctx context.Context, to destination, u *featurestore.Update, items []pipeline.Item) error {
	writer, err := r.openColumns(ctx, to, u)
	if err != nil {
		return err
	}
	done := writer.Done()
	if r.result.Present = len(done); len(done) > 0 {
		logrus.Infof("%s of an earlier run with --add that was interrupted are taken over", text.Plural(len(done), "image"))
	} else if r.config.First, err = r.First(r.group); err != nil {
		return errors.Join(err, writer.Abort())
	}
	sink := columnSink{Sink: Sink{writer}, update: u, failed: &strangers{}}
	err = r.extract(ctx, remaining(items, done), sink)
	if lacking := sink.failed.fail(); err == nil && lacking != nil {
		err = errors.Join(lacking, writer.Close(featurestore.StatusInterrupted))
	} else {
		err = errors.Join(err, closeDataset(ctx, writer, err))
	}
	if err != nil {
		logrus.Infof("the dataset is as it was; what is computed so far waits in %s for the next run with --add", u.Staging())
	}
	return err
}

// openColumns opens the dataset of the new columns. What an earlier run has made there of other images, or in another way,
// goes.
func (r *run) openColumns(ctx context.Context, to destination, u *featurestore.Update) (*featurestore.Writer, error) {
	options := u.StagingOptions(featurestore.Options{Format: r.Format, MaxMemory: r.MaxMemory, Resume: true})
	if begun, err := featurestore.HasDataset(u.Staging()); err == nil && !begun {
		options.ShardRows = r.stagedRows(u.Manifest().RowsPerShard)
	}
	create := func() (*featurestore.Writer, error) { return featurestore.Create(u.Staging(), r.info(), options) }
	writer, err := create()
	if errors.Is(err, featurestore.ErrMismatch) || errors.Is(err, featurestore.ErrCorrupt) {
		logrus.Infof("what an earlier run with --add left in %s was made in another way, and is deleted", u.Staging())
		if err = u.Unstage(); err == nil {
			writer, err = create()
		}
	}
	if err != nil {
		return nil, err
	}
	stale := map[string]bool{}
	for path := range writer.Done() {
		now, ok := u.Known(path)
		if then, _ := writer.Known(path); !ok || now.Failed || then.Failed || now.SHA256 != then.SHA256 {
			stale[path] = true
		}
	}
	if len(stale) > 0 {
		if err := errors.Join(writer.Abort(), to.read.Remove(ctx, u.Staging(), stale)); err != nil {
			return nil, err
		}
		if writer, err = create(); err != nil {
			return nil, err
		}
	}
	if err := driftsWithin(writer.Recipe(), r.mostDrift); err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	r.noteArithmetic(writer.Recipe())
	return writer, nil
}

// stagedRows is the number of rows of a file of new columns: a killed run loses as many rows as one that extracts them, and
// no more bytes.
func (r *run) stagedRows(most int) int {
	bytes := 0
	for _, l := range r.recipe.Layers {
		bytes += l.Size() * r.DType.Size()
	}
	return max(1, min(most, featurestore.DefaultShardBytes/bytes))
}

// columnSink stores vectors for rows. An image that is another one by now is refused, and what fails is only counted: the
// next run tries it again.
type columnSink struct {
	Sink
	update *featurestore.Update
	failed *strangers
}

func (s columnSink) Append(rows []pipeline.Row) error {
	for i, r := range rows {
		if known, _ := s.update.Known(r.Path); sumOf(r.SHA256) != known.SHA256 {
			return &pipeline.Refusal{Row: i, Err: errors.New("it is another image than the one that the row was made from")}
		}
	}
	return s.Sink.Append(rows)
}

func (s columnSink) Fail(f pipeline.Failure) error {
	s.failed.add("not computed", f.Path, f.Reason)
	return nil
}
