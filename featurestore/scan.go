package featurestore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"fovea/recipe"
)

// ScanOptions choose what Scan reads. The zero value reads all rows with all layers.
type ScanOptions struct {
	// Layers are the layers to read; nil means all, an empty list none.
	Layers []string
	// Labels, Splits and Groups choose the rows that have one of the labels, one of the splits and one of
	// the groups. "" stands for none, which all rows have of a column that the dataset lacks; an empty list
	// chooses all rows. Row groups of Parquet without such rows are skipped without reading their vectors.
	Labels, Splits, Groups []string
	// Readers is the number of row groups (in Arrow, files) read concurrently; 0 means one per CPU,
	// at most 4.
	Readers int
	// from is the first shard to read.
	from int
}

// Selects is whether only some rows are chosen.
func (o ScanOptions) Selects() bool { return len(o.Labels)+len(o.Splits)+len(o.Groups) > 0 }

// Layers returns the dataset's layers with the given names, all for nil. An unknown name is an error
// that lists the layers.
func (d *Dataset) Layers(names []string) ([]recipe.Layer, error) {
	if names == nil {
		return d.manifest.Recipe.Layers, nil
	}
	layers := make([]recipe.Layer, 0, len(names))
	for _, name := range names {
		l, ok := d.manifest.Recipe.Layer(name)
		if !ok {
			return nil, fmt.Errorf("featurestore: %q has no layer %q: it has %s", d.dir, name, strings.Join(d.manifest.Recipe.LayerNames(), ", "))
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// Scan visits the rows in the order of the dataset, in the calling goroutine, while others read ahead.
// An error of visit ends the scan and is returned unchanged.
//
// Each reader needs memory for one row group's compressed columns and a few batches (of at most 4 MiB
// of values, or one row if that is more).
func (d *Dataset) Scan(ctx context.Context, options ScanOptions, visit func(*Batch) error) error {
	layers, err := d.Layers(options.Layers)
	if err != nil {
		return err
	}
	s := &scan{dataset: d, layers: layers, options: options}
	if err := s.run(ctx, visit); err != nil {
		var own visitError
		if errors.As(err, &own) {
			return own.error
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx) // says who cancelled
		}
		return fmt.Errorf("featurestore: read %q: %w", d.dir, d.judge(err))
	}
	return nil
}

// visitError is an error of the caller's visit.
type visitError struct{ error }

func (e visitError) Unwrap() error { return e.error }

// errEnough ends the reading of a group after its last chosen row.
var errEnough = errors.New("enough")

type scan struct {
	dataset *Dataset
	layers  []recipe.Layer
	options ScanOptions
	// free are the unused batches: unitBatches for each reader, so that units that read ahead never
	// take the last one.
	free chan *Batch
}

// unit is what one goroutine reads: a group of a shard.
type unit struct {
	shard, group int
	// first is the index of its first row in the dataset.
	first int
	out   chan *Batch
}

// unitBatches is the number of batches of a unit: one being filled, one visited, one between.
const unitBatches = 3

func (s *scan) units() []*unit {
	var units []*unit
	first := 0
	for shard, groups := range s.dataset.groups {
		for group, rows := range groups {
			if shard < s.options.from {
				first += rows
				continue
			}
			units = append(units, &unit{shard: shard, group: group, first: first, out: make(chan *Batch, unitBatches-2)})
			first += rows
		}
	}
	return units
}

func (s *scan) run(ctx context.Context, visit func(*Batch) error) error {
	readers := s.options.Readers
	if readers <= 0 {
		readers = min(maxReaders, runtime.GOMAXPROCS(0))
	}
	s.free = make(chan *Batch, readers*unitBatches)
	for range cap(s.free) {
		s.free <- &Batch{Vectors: make([][]float32, len(s.layers)), own: make([][]float32, len(s.layers))}
	}
	group, ctx := errgroup.WithContext(ctx)
	units := s.units()
	started := 0
	for i, u := range units {
		for ; started < min(len(units), i+readers); started++ {
			ahead := units[started]
			group.Go(func() error {
				defer close(ahead.out)
				return s.read(ctx, ahead)
			})
		}
		if err := s.drain(ctx, u, visit); err != nil {
			// The error goes through the group, so that the readers stop.
			group.Go(func() error { return err })
			break
		}
	}
	err := group.Wait()
	for _, u := range units[:started] {
		for b := range u.out { // closed; after an error some were not visited
			b.release()
		}
	}
	return err
}

// drain visits a unit's batches. It ends early when a reader has failed.
func (s *scan) drain(ctx context.Context, u *unit, visit func(*Batch) error) error {
	for b := range u.out {
		if err := context.Cause(ctx); err != nil {
			b.release()
			return err
		}
		err := b.visit(visit)
		b.release()
		if err != nil {
			return err
		}
		s.free <- b // has room for all
	}
	return context.Cause(ctx)
}

// read reads a unit and sends its batches.
func (s *scan) read(ctx context.Context, u *unit) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r, err := s.dataset.openShard(u.shard)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.prove(ctx, s.dataset.manifest.Shards[u.shard]); err != nil {
		return err
	}
	last, err := s.lastChosen(ctx, r, u.group)
	if err != nil || last < 0 {
		return err
	}
	columns := plainNames(r.meta.extra)
	for _, l := range s.layers {
		columns = append(columns, l.Name)
	}
	at := 0
	err = r.scanGroup(ctx, u.group, columns, func(c chunk) error {
		if at > last {
			return errEnough
		}
		err := s.send(ctx, u, at, c)
		at += c.rows
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// lastChosen is the index within the group of the last chosen row, -1 if there is none. In Parquet it
// reads the columns of the choice only; records of an Arrow file are read whole anyway.
func (s *scan) lastChosen(ctx context.Context, r *shardReader, group int) (int, error) {
	last := r.groups[group] - 1
	if _, isArrow := r.src.(*ipcSource); isArrow || !s.options.Selects() {
		return last, nil
	}
	at, last := 0, -1
	names := []string{columnLabel, columnSplit}
	if slices.Contains(r.meta.extra, ExtraGroup) {
		names = append(names, columnGroup)
	}
	err := r.scanGroup(ctx, group, names, func(c chunk) error {
		columns := [3][]string{2: make([]string, c.rows)} // labels, splits and groups
		for i, name := range names {
			var err error
			if columns[i], err = c.texts(nil, name, UnescapeText); err != nil {
				return err
			}
		}
		for i := range c.rows {
			if s.chosen(&Row{Label: columns[0][i], Split: columns[1][i], Group: columns[2][i]}) {
				last = at + i
			}
		}
		at += c.rows
		return nil
	})
	return last, err
}

func (s *scan) chosen(r *Row) bool {
	in := func(value string, list []string) bool { return len(list) == 0 || slices.Contains(list, value) }
	return in(r.Label, s.options.Labels) && in(r.Split, s.options.Splits) && in(r.Group, s.options.Groups)
}

// send makes a batch of a chunk whose first row has index at in its group.
func (s *scan) send(ctx context.Context, u *unit, at int, c chunk) error {
	var b *Batch
	select {
	case b = <-s.free:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// Removing rows that are not chosen moves the others, which must not happen in a mapped file.
	if err := b.fill(c, s.layers, !s.options.Selects()); err != nil {
		return err
	}
	b.Index = b.Index[:0]
	for i := range c.rows {
		b.Index = append(b.Index, u.first+at+i)
	}
	b.keep(s.chosen)
	if len(b.Rows) == 0 {
		s.free <- b
		return nil
	}
	select {
	case u.out <- b:
		return nil
	case <-ctx.Done():
		b.release()
		return context.Cause(ctx)
	}
}
