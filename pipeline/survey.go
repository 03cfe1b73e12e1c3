package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"fovea/picture"
)

// Finding is the result of surveying an image.
type Finding string

// The findings. Only images with the first one become rows.
const (
	// Readable images have a correct header and a size within the limit.
	Readable    Finding = "readable"
	Unsupported Finding = "unsupported"
	TooLarge    Finding = "too large"
	Damaged     Finding = "damaged header"
	NoPicture   Finding = "no image"
	Unreadable  Finding = "unreadable"
)

var findings = []Finding{Readable, Unsupported, TooLarge, Damaged, NoPicture, Unreadable}

// Kind is the images in one format with one finding.
type Kind struct {
	Finding Finding `json:"finding"`
	// Format is such as "jpeg", a name such as "HEIC", or empty if it is unknown.
	Format string `json:"format"`
	// Pictures is their number, Bytes their total size and, if they are readable, Pixels their
	// total number of pixels.
	Pictures int   `json:"images"`
	Bytes    int64 `json:"bytes"`
	Pixels   int64 `json:"pixels"`
	// First is the first by path; Reason says what is wrong with it.
	First  string `json:"first"`
	Reason string `json:"reason,omitempty"`

	first Item
}

// surveyBytes is how much of an image is read at first; few headers are longer.
const surveyBytes = 64 << 10

// Survey reads the headers of the items, several concurrently, and no more of the files than that
// takes. It counts them by format: readable ones first, then by number. maxPixels is that of
// picture.Options.MaxPixels. readable are the first readable images, at most the requested number.
func Survey(ctx context.Context, items []Item, maxPixels, wanted int) (kinds []Kind, readable []Item, err error) {
	s := survey{maxPixels: maxPixels, kinds: map[[2]string]*Kind{}, good: make([]bool, len(items))}
	group, ctx := errgroup.WithContext(ctx)
	files := make(chan int)
	group.Go(func() error {
		defer close(files)
		return s.sequence(ctx, items, files)
	})
	for range 2 * runtime.NumCPU() { // they also wait for the disk
		group.Go(func() error {
			for i := range files {
				if err := s.file(ctx, i, items[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i, good := range s.good {
		if good && len(readable) < wanted {
			readable = append(readable, items[i])
		}
	}
	for _, k := range s.kinds {
		kinds = append(kinds, *k)
	}
	slices.SortFunc(kinds, compareKinds)
	return kinds, readable, nil
}

// compareKinds puts what can be read first, then what there is more of.
func compareKinds(a, b Kind) int {
	rank := func(k Kind) int { return slices.Index(findings, k.Finding) }
	return cmp.Or(rank(a)-rank(b), b.Pictures-a.Pictures, strings.Compare(a.Format, b.Format))
}

type survey struct {
	maxPixels int

	mu    sync.Mutex
	kinds map[[2]string]*Kind
	good  []bool

	libraries sync.Map // by format: what is missing to decode it, looked for once
}

// missing is what this machine lacks to decode images of a format.
func (s *survey) missing(format string) error {
	look, _ := s.libraries.LoadOrStore(format, sync.OnceValue(func() error { return picture.Missing(format) }))
	return look.(func() error)()
}

// sequence hands out the items that are files, and reads those in sources, in order.
func (s *survey) sequence(ctx context.Context, items []Item, files chan<- int) error {
	var sources sequence
	defer sources.close()
	for i, item := range items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if item.Source == nil {
			select {
			case files <- i:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := sources.read(ctx, item, func(r io.Reader, size int64) error { return s.inspect(i, item, r, size) }); err != nil {
			if ofStore(err) != nil {
				return err
			}
			s.add(i, item, Unreadable, picture.Picture{}, 0, err)
		}
	}
	return nil
}

func (s *survey) file(ctx context.Context, i int, item Item) error {
	if err := openPictures.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer openPictures.Release(1)
	f, err := item.open(ctx)
	if err == nil {
		defer f.Close() // read-only
		err = s.inspect(i, item, f, f.Size())
	}
	if err != nil {
		s.add(i, item, Unreadable, picture.Picture{}, 0, err)
	}
	return asStoreError(err)
}

// inspect reads an image's header, and the whole file only if the beginning is not enough.
func (s *survey) inspect(i int, item Item, r io.Reader, size int64) error {
	if size > picture.MaxFileBytes {
		return tooLarge(size)
	}
	data, err := readContent(r, min(size, surveyBytes))
	if err != nil {
		return err
	}
	p, err := picture.Inspect(data, s.maxPixels)
	if errors.Is(err, picture.ErrDamaged) && size > surveyBytes {
		if data, err = readContent(io.MultiReader(bytes.NewReader(data), r), size); err != nil {
			return err
		}
		p, err = picture.Inspect(data, s.maxPixels)
	}
	if err == nil {
		err = s.missing(p.Format)
	}
	finding := Readable
	switch {
	case err == nil:
	case errors.Is(err, picture.ErrNoPicture):
		finding = NoPicture
	case errors.Is(err, picture.ErrUnsupported):
		finding = Unsupported
	case errors.Is(err, picture.ErrTooLarge):
		finding = TooLarge
	default:
		finding = Damaged
	}
	s.add(i, item, finding, p, size, err)
	return nil
}

func (s *survey) add(i int, item Item, finding Finding, p picture.Picture, size int64, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{string(finding), p.Format}
	k := s.kinds[key]
	if k == nil {
		k = &Kind{Finding: finding, Format: p.Format, first: item}
		s.kinds[key] = k
	}
	k.Pictures++
	k.Bytes += size
	if finding == Readable { // broken ones may claim any number
		k.Pixels += int64(p.SourceWidth) * int64(p.SourceHeight)
	}
	if k.First == "" || compareItems(item, k.first) <= 0 {
		k.First, k.first = item.Path, item
		if reason != nil {
			k.Reason = reason.Error()
		}
	}
	s.good[i] = finding == Readable
}
