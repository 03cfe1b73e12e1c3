package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"fovea/picture"
)

// slot is an item on its way through the decode stage. Its results are valid once done is
// closed.
type slot struct {
	item    Item
	done    chan struct{}
	picture picture.Picture
	sha256  string
	failure *Failure
}

// feed hands the items out: to the batch stage in order, to the workers as they come free.
func (r *run) feed(ctx context.Context, items []Item) {
	defer close(r.ordered)
	defer close(r.work)
	for _, item := range items {
		s := &slot{item: item, done: make(chan struct{})}
		select {
		case r.ordered <- s:
		case <-ctx.Done():
			return
		}
		select {
		case r.work <- s:
		case <-ctx.Done():
			return
		}
	}
}

// decode is one worker: it reads, checks and resizes one picture after another.
func (r *run) decode(ctx context.Context) {
	for {
		select {
		case s, open := <-r.work:
			if !open {
				return
			}
			start := time.Now()
			r.prepare(s)
			since(&r.meter.decode, start)
			close(s.done)
		case <-ctx.Done():
			return
		}
	}
}

func (r *run) prepare(s *slot) {
	fail := func(stage Stage, err error) {
		s.failure = &Failure{Item: s.item, Stage: stage, Reason: err.Error()}
	}
	data, err := readFile(s.item.File)
	if err != nil {
		fail(StageRead, err)
		return
	}
	r.meter.bytes.Add(int64(len(data)))
	sum := sha256.Sum256(data)
	s.sha256 = hex.EncodeToString(sum[:])
	s.picture, err = picture.Decode(data, r.config.Picture)
	if err != nil {
		fail(StageDecode, err)
	}
}

// maxFileBytes bounds what is read into memory for one picture.
const maxFileBytes = 512 << 20

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%d MB are too many for a picture: the limit is %d MB", info.Size()>>20, maxFileBytes>>20)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}
