package pipeline

import (
	"context"
	"fmt"
	"io"
)

// Reader reads the bytes of images of a listing, in any order; it is fastest in that of the listing. It keeps the last
// archive or table open, also after the context of the call that opened it has ended. It is for one goroutine. Close it
// after use.
type Reader struct {
	sequence sequence
	// last is the index of the image that was read from the open source.
	last int
	// opened is the context of the open source, which outlives that of the call that opened it; cancel ends it.
	opened context.Context
	cancel context.CancelFunc
}

// Read returns the bytes of an image's file, of at most picture.MaxFileBytes.
func (r *Reader) Read(ctx context.Context, item Item) ([]byte, error) {
	if item.Source == nil {
		data, _, err := item.readSeen(ctx)
		return data, err
	}
	if item.Source != r.sequence.source || item.Index <= r.last { // which can only be read onwards
		r.Close()
	}
	if r.cancel == nil {
		r.opened, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	stop := context.AfterFunc(ctx, r.cancel)
	var data []byte
	use := func(content io.Reader, size int64) (err error) {
		data, err = readContent(content, size)
		return err
	}
	_, err := r.sequence.readSeen(r.opened, item, use, func() {})
	if r.last = item.Index; !stop() || err != nil {
		r.Close()
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%s in %s: %w", item.name(), item.within, err)
	}
	return data, nil
}

// Close closes what is open.
func (r *Reader) Close() {
	r.sequence.close()
	if r.cancel != nil {
		r.cancel()
		r.opened, r.cancel = nil, nil
	}
}
