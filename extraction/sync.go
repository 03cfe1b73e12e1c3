package extraction

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/inputs"
	"fovea/internal/redact"
	"fovea/internal/text"
	"fovea/pipeline"
)

// ErrVanished means that more rows would go than are believed to without Options.AllowEmpty.
var ErrVanished = errors.New("rows would be lost")

// sync makes the dataset hold what the images are.
func (r *run) sync(ctx context.Context, to destination) error {
	update, err := featurestore.BeginUpdate(to.dir, r.info(), r.writing())
	if err != nil {
		return err
	}
	err = r.update(ctx, to, update)
	if err := errors.Join(err, update.Close()); err != nil {
		return err
	}
	if err := r.conclude(ctx, to); err != nil {
		return err
	}
	r.result.Relabelled = r.result.Plan.Relabelled
	return r.result.check()
}

// conclude uploads the dataset that was updated, and describes it.
func (r *run) conclude(ctx context.Context, to destination) error {
	dataset, err := to.read.Open(to.dir)
	if err != nil {
		return err
	}
	m := dataset.Manifest()
	to.upload.Written(m)
	if err := to.finish(ctx, nil); err != nil {
		return err
	}
	r.result.Rows, r.result.Failures, r.result.Saved, r.result.Status = m.Rows, m.Failures, true, m.Status
	return nil
}

func (r *run) update(ctx context.Context, to destination, u *featurestore.Update) error {
	have := u.Manifest()
	if err := driftsWithin(have.Recipe, r.mostDrift); err != nil {
		return err
	}
	r.noteArithmetic(have.Recipe)
	plan, err := r.Options.plan(ctx, u, r.listing)
	if err != nil {
		return err
	}
	r.result.Plan, r.result.Present = plan.spelled(), plan.Rows-plan.Removed
	logrus.Info(plan.String())
	for _, failure := range r.listing.Failures {
		inputs.WarnFailure(failure)
	}
	if plan.Held > 0 {
		logrus.Warnf("%s of images in places that could not be listed: they stay as they are, since nobody knows", text.Plural(plan.Held, "row"))
	}
	if plan.Refusal != "" {
		return fmt.Errorf("extraction: %w: %s", ErrVanished, plan.Refusal)
	}
	r.Metrics.begin(len(plan.extract), r.result.Present, r.ImagesPerBatch(r.group))
	if plan.Unchanged() && have.Status == featurestore.StatusComplete {
		if err := u.Recognize(plan.recognized()); err != nil {
			return err
		}
		unstage(u)
		return nil
	}
	return r.revise(ctx, to, u, &plan)
}

// plan compares the images with the dataset.
func (o *Options) plan(ctx context.Context, u *featurestore.Update, found listing) (Plan, error) {
	rows, seen := u.Rows()
	if has := func(label string) bool { return label != "" }; o.Labels == nil && len(found.Items) > 0 && (slices.ContainsFunc(rows.Labels, has) || slices.ContainsFunc(rows.Splits, has)) {
		return Plan{}, fmt.Errorf("extraction: the images of the dataset were %w: they would lose them all", featurestore.ErrLabels)
	}
	c := pipeline.Comparison{Items: found.Items, Known: knownBy(u), Elsewhere: elsewhere(rows, seen)}
	err := o.compare(ctx, &c, func() {
		inStore := func(i int) bool {
			_, known := u.Known(c.Items[i].Path)
			return !known && c.Items[i].InStore()
		}
		if slices.ContainsFunc(c.Doubts, inStore) && listed(c.Items, u) == rows.Rows { // no row can have been moved: what is new is read once, when it is extracted
			c.Doubts = slices.DeleteFunc(c.Doubts, inStore)
		}
	})
	if err != nil {
		return Plan{}, err
	}
	p := newPlan(found.Items, standing{rows, seen, u.Failures(), u.Row}, found.Failures, &c, o.RetryFailed, o.GroupBy.Any() && !o.GroupBy.ByPatient())
	if !o.AllowEmpty {
		p.Refusal = p.refuse(found.bare)
	}
	return p, p.checkLabels(redact.Place(o.Out), rows, found.Items)
}

// listed is the number of rows whose images are there.
func listed(items []pipeline.Item, u *featurestore.Update) (n int) {
	for i := range items {
		if _, ok := u.Row(items[i].Path); ok {
			n++
		}
	}
	return n
}

// elsewhere finds rows by the files that they were read from. Those of archives and tables do not count, whose
// images are all read from one file, nor do files that rows with different content were read from.
func elsewhere(rows *featurestore.Table, seen [][16]byte) func(map[pipeline.Seen]bool) map[pipeline.Seen][sha256.Size]byte {
	return func(files map[pipeline.Seen]bool) map[pipeline.Seen][sha256.Size]byte {
		sums, archives := map[pipeline.Seen][sha256.Size]byte{}, map[string]bool{}
		unclear := map[pipeline.Seen]bool{}
		for i, s := range seen {
			if !files[s] {
				continue
			}
			dir := path.Dir(rows.Paths[i])
			archive, known := archives[dir]
			if !known {
				archive = inputs.InArchive(rows.Paths[i])
				archives[dir] = archive
			}
			sum := sumOf(rows.SHA256[i])
			if before, found := sums[s]; archive || found && before != sum {
				unclear[s] = true
			}
			sums[s] = sum
		}
		maps.DeleteFunc(sums, func(s pipeline.Seen, _ [sha256.Size]byte) bool { return unclear[s] })
		return sums
	}
}

// refuse says why so many rows are not believed to be gone, or nothing.
func (p *Plan) refuse(bare []string) string {
	switch {
	case p.Removed == 0:
		return ""
	case len(bare) > 0:
		return fmt.Sprintf("there is not one image in %s, and %s would go: is it mounted? --allow-empty lets them go", strings.Join(bare, ", "), text.Plural(p.Removed, "row"))
	case 2*p.Removed > p.Rows:
		return fmt.Sprintf("the images of %d of %d rows are gone, more than half: look at them with --dry-run; --allow-empty lets them go", p.Removed, p.Rows)
	}
	return ""
}

// revise makes the new rows, if there are any, and puts the new dataset in the place of the old one.
func (r *run) revise(ctx context.Context, to destination, u *featurestore.Update, plan *Plan) error {
	revision := featurestore.Revision{Row: plan.row(&r.Options, r.listing.Items, u), Failures: plan.failures}
	if len(plan.extract)+len(plan.copies) > 0 {
		failed, err := r.stage(ctx, to, u, plan)
		if err != nil {
			return err
		}
		wanted := plan.wanted(r.listing.Items)
		revision.Take = func(staged featurestore.Row) (featurestore.Row, bool) {
			item, ok := wanted[staged.Path]
			return featurestore.Row{Label: item.Label, Split: item.Split, Group: r.groupOf(&item, staged.Group)}, ok
		}
		for _, f := range failed {
			if item, ok := wanted[f.Path]; ok {
				f.Label, f.Split = item.Label, item.Split
				revision.Failures = append(revision.Failures, f)
			}
		}
	}
	if err := u.Commit(ctx, revision); err != nil {
		return err
	}
	unstage(u)
	return nil
}

// unstage deletes new rows that are not needed any more, or never were.
func unstage(u *featurestore.Update) {
	if err := u.Unstage(); err != nil {
		logrus.Warnf("the dataset is up to date, but what it was made from is still there: %v", err)
	}
}

// stage makes the new rows in a dataset of their own, which a run that is interrupted leaves for the next one. It
// returns the failures.
func (r *run) stage(ctx context.Context, to destination, u *featurestore.Update, plan *Plan) ([]featurestore.Failure, error) {
	items := slices.Clone(plan.extract)
	for _, c := range plan.copies {
		items = append(items, r.listing.Items[c.item])
	}
	writer, err := r.openStaging(ctx, to, u, items)
	if err != nil {
		return nil, err
	}
	done := writer.Done()
	if len(done) > 0 {
		logrus.Infof("%s of an earlier run with --sync that was interrupted are taken over", text.Plural(len(done), "image"))
	}
	err = r.copyRows(ctx, writer, u, plan, done)
	sink := doubtingSink{loudSink{Sink{writer}}, newDoubts()}
	r.doubtCopies(u, plan, sink.doubts)
	if rest := remaining(plan.extract, done); err == nil && len(rest) > 0 {
		err = r.extract(ctx, rest, sink)
	}
	sink.doubts.conclude()
	failed := writer.AllFailures()
	if err := errors.Join(err, closeDataset(ctx, writer, err)); err != nil {
		logrus.Infof("the dataset is as it was; the rows finished so far wait in %s for the next run with --sync", u.Staging())
		return nil, err
	}
	return failed, nil
}

// openStaging opens the dataset of the new rows. What an earlier run has made there, and can no longer be used, goes.
func (r *run) openStaging(ctx context.Context, to destination, u *featurestore.Update, items []pipeline.Item) (*featurestore.Writer, error) {
	options := u.StagingOptions(r.writing()) // other labels do not matter: the plan has them
	staging := destination{dir: u.Staging(), read: to.read, staged: true}
	writer, err := r.takeOver(ctx, staging, options, items)
	if errors.Is(err, featurestore.ErrMismatch) || errors.Is(err, featurestore.ErrCorrupt) {
		if err = u.Unstage(); err == nil {
			writer, err = r.takeOver(ctx, staging, options, items)
		}
	}
	return writer, err
}

// copyRows makes the rows of images that are copies of others.
func (r *run) copyRows(ctx context.Context, w *featurestore.Writer, u *featurestore.Update, plan *Plan, done map[string]bool) error {
	have, _ := u.Rows()
	var from []int
	var rows []featurestore.Row
	for _, c := range plan.copies {
		if item := r.listing.Items[c.item]; !done[item.Path] {
			from = append(from, c.row)
			rows = append(rows, featurestore.Row{Path: item.Path, Label: item.Label, Split: item.Split, Seen: c.seen, Group: r.groupOf(&item, groupAt(have, c.row))})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return u.CopyRows(ctx, w, from, rows)
}

// doubtCopies looks for copies under another label than the images that they are copies of.
func (r *run) doubtCopies(u *featurestore.Update, plan *Plan, d *doubts) {
	rows, _ := u.Rows()
	row := plan.row(&r.Options, r.listing.Items, u)
	for _, c := range plan.copies {
		sum := rows.SHA256[c.row]
		if first, stays := row(c.row); stays {
			d.seeFile(&pipeline.Row{Item: pipeline.Item{Path: first.Path, Label: first.Label}, SHA256: sum})
		}
		d.seeFile(&pipeline.Row{Item: r.listing.Items[c.item], SHA256: sum})
	}
}
