package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Known is what an earlier run recorded about an image.
type Known struct {
	// Failed reports whether it has no features.
	Failed bool
	// SHA256 is the hash of its bytes, zero if they could not be read.
	SHA256 [sha256.Size]byte
	// Seen identifies what it was read from.
	Seen Seen
}

// Comparison finds the images that differ from those that an earlier run read under the same paths:
// by their files' and objects' Seen, and where that leaves a doubt, by their SHA-256. Times are only
// compared for equality; no clock is involved.
//
// Call Look first, then Read.
type Comparison struct {
	// Items are the images; Known returns what is known about a path, if anything.
	Items []Item
	Known func(path string) (Known, bool)
	// Elsewhere, if set, returns the SHA-256 of the images that an earlier run read, under any path, from those of the
	// files that it knows. Look calls it once. New items, whose paths are not known, then count as changed, and Sums and
	// Lost are filled in.
	Elsewhere func(files map[Seen]bool) map[Seen][sha256.Size]byte
	// Progress, if set, is called with the number of items processed, by one goroutine at a time.
	Progress func(done int)

	// Doubts are the indices of Items that may have changed. Look finds them.
	Doubts []int
	// Changed are the indices of those that did: rows whose bytes differ, and failures that are
	// worth another attempt. Read finds them, and the fields below.
	Changed []int
	// Same are those that did not, with what identifies them from now on.
	Same []Recognized
	// Unread is the number of those that exist but could not be read, so that they may have changed
	// or not; FirstUnread is one of them.
	Unread      int
	FirstUnread *Failure
	// Sums are what the changed items hold, as far as that is known, by index.
	Sums map[int]Content
	// Lost are the items that are missing or cannot be read.
	Lost []int

	mutex sync.Mutex
	done  int
	// strange are items whose files may have been read under other paths.
	strange []Recognized
}

// Content is what an item holds.
type Content struct {
	SHA256 [sha256.Size]byte
	// Seen is what it was read from, zero if that is unknown.
	Seen Seen
}

// Recognized is an item, by its index, that was read and is the same as before.
type Recognized struct {
	Place int
	Seen  Seen
}

// lookChunk is the number of items that one goroutine looks at before it takes more.
const lookChunk = 256

// looking is the number of goroutines that look at or read files; they mostly wait for disk or network.
func looking() int { return max(maxFetches, 4*runtime.NumCPU()) }

// Look finds the items that may have changed, without reading them. A missing item is among the Lost, and not
// among the Doubts.
func (c *Comparison) Look(ctx context.Context) error {
	c.done = 0
	chunks := make([][]int, (len(c.Items)+lookChunk-1)/lookChunk)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(looking(), len(chunks)) {
		group.Go(func() error {
			for at := int(next.Add(1)) - 1; at < len(chunks); at = int(next.Add(1)) - 1 {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				from := at * lookChunk
				to := min(from+lookChunk, len(c.Items))
				chunks[at] = c.lookAt(from, to)
				c.progress(to - from)
			}
			return nil
		})
	}
	err := group.Wait()
	c.Doubts = append(slices.Concat(chunks...), c.findElsewhere()...)
	slices.Sort(c.Doubts)
	return err
}

// lookAt finds the doubtful ones among some items.
func (c *Comparison) lookAt(from, to int) (doubts []int) {
	var source Source
	var seen Seen
	var err error
	for i := from; i < to; i++ {
		item := &c.Items[i]
		known, ok := c.Known(item.Path)
		if !ok && c.Elsewhere == nil {
			continue
		}
		if source == nil || source != item.Source { // whose images are together
			seen, err = item.look()
			source = item.Source
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.lose(i)
		case err == nil && seen == known.Seen && seen != (Seen{}):
		case err == nil && c.Elsewhere != nil && seen != (Seen{}) && item.Source == nil: // all of an archive's images have one Seen
			c.doubtFile(i, seen)
		default:
			doubts = append(doubts, i)
		}
	}
	return doubts
}

// doubtFile records an item whose file may have been read under another path.
func (c *Comparison) doubtFile(i int, seen Seen) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.strange = append(c.strange, Recognized{i, seen})
}

// findElsewhere tells those of them that were not.
func (c *Comparison) findElsewhere() (doubts []int) {
	if len(c.strange) == 0 {
		return nil
	}
	files := make(map[Seen]bool, len(c.strange))
	for _, s := range c.strange {
		files[s.Seen] = true
	}
	sums := c.Elsewhere(files)
	for _, s := range c.strange {
		if sum, known := sums[s.Seen]; known {
			c.change(s.Place, Content{sum, s.Seen})
		} else {
			doubts = append(doubts, s.Place)
		}
	}
	slices.Sort(c.Changed)
	c.strange = nil
	return doubts
}

// change records an item that is new or has changed, with what it holds, if that is known.
func (c *Comparison) change(i int, holds Content) {
	c.Changed = append(c.Changed, i)
	if c.Elsewhere == nil || holds.SHA256 == [sha256.Size]byte{} {
		return
	}
	if c.Sums == nil {
		c.Sums = map[int]Content{}
	}
	c.Sums[i] = holds
}

// lose records an item that is missing.
func (c *Comparison) lose(i int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.Lost = append(c.Lost, i)
}

func (c *Comparison) progress(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.done += n
	if c.Progress != nil {
		c.Progress(c.done)
	}
}

// Read reads the doubtful items and compares their SHA-256. The only errors are the context's and
// those of a store that does not answer.
func (c *Comparison) Read(ctx context.Context) error {
	c.done = 0
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(looking())
	for rest := c.Doubts; len(rest) > 0 && running.Err() == nil; {
		n := 1
		source := c.Items[rest[0]].Source
		for source != nil && n < len(rest) && c.Items[rest[n]].Source == source {
			n++
		}
		together := rest[:n:n]
		rest = rest[n:]
		group.Go(func() error { return c.readTogether(running, together) })
	}
	err := group.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	slices.Sort(c.Changed)
	slices.Sort(c.Lost)
	return err
}

// readTogether reads an item with a file of its own, or those of one source.
func (c *Comparison) readTogether(ctx context.Context, places []int) error {
	var sources sequence
	defer sources.close()
	for _, i := range places {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		item := c.Items[i]
		var sum [sha256.Size]byte
		var seen Seen
		var err error
		if item.Source == nil {
			sum, seen, err = item.sum(ctx)
		} else {
			seen, err = sources.readSeen(ctx, item, func(content io.Reader, _ int64) (err error) {
				sum, err = hashContent(content)
				return err
			}, func() {})
		}
		if err := asStoreError(err); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.judge(i, sum, seen, err)
		c.progress(1)
	}
	return nil
}

// judge records the result of reading an item.
func (c *Comparison) judge(i int, sum [sha256.Size]byte, seen Seen, err error) {
	item := c.Items[i]
	known, _ := c.Known(item.Path)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case errors.Is(err, errChanging) || errors.Is(err, errReplaced):
		c.change(i, Content{})
	case errors.Is(err, fs.ErrNotExist):
		c.Lost = append(c.Lost, i)
	case err != nil && known.Failed: // as before
		c.recognize(i, seen)
	case err != nil:
		c.Unread++
		c.Lost = append(c.Lost, i)
		if c.FirstUnread == nil {
			c.FirstUnread = &Failure{Item: item, Stage: StageRead, Reason: err.Error()}
		}
	case sum != known.SHA256:
		c.change(i, Content{sum, seen})
	default:
		c.recognize(i, seen)
	}
}

func (c *Comparison) recognize(i int, seen Seen) {
	if seen != (Seen{}) {
		c.Same = append(c.Same, Recognized{i, seen})
	}
}
