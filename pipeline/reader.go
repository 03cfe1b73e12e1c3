package pipeline

import (
	"context"
	"fmt"
	"io"
)

// Reader reads the bytes of images of a listing, in any order; it is fastest in that of the listing. It keeps the last
// archive or table open. It is for one goroutine. Close it after use.
type Reader struct {
	sequence sequence
	// last is the index of the image that was read from the open source.
	last int
}

// Read returns the bytes of an image's file, of at most picture.MaxFileBytes.
func (r *Reader) Read(ctx context.Context, item Item) ([]byte, error) {
	if item.Source == nil {
		data, _, err := item.readSeen(ctx)
		return data, err
	}
	if item.Source != r.sequence.source || item.Index <= r.last { // which can only be read onwards
		r.sequence.close()
	}
	var data []byte
	use := func(content io.Reader, size int64) (err error) {
		data, err = readContent(content, size)
		return err
	}
	_, err := r.sequence.readSeen(ctx, item, use, func() {})
	if r.last = item.Index; err != nil {
		r.sequence.close()
		return nil, fmt.Errorf("%s in %s: %w", item.name(), item.within, err)
	}
	return data, nil
}

// Close closes what is open.
func (r *Reader) Close() { r.sequence.close() }
