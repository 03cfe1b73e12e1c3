package guard

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"fovea/internal/budget"
)

// maxZstdBlock is the most that a block of Zstandard can hold.
const maxZstdBlock = 128 << 10

// checkZstd compares what frames claim to hold with what the page's header says, want bytes: the decoder
// allocates what each frame claims. slack is how much more than that the blocks of frames that claim nothing may
// hold without being looked at; above it they are unpacked to count.
func checkZstd(page []byte, want, slack int64) error {
	most, claimed, unknown := int64(0), uint64(0), false
	for rest := page; len(rest) > 0; {
		var head zstd.Header
		if err := head.Decode(rest); err != nil {
			return fmt.Errorf("%w: a page's Zstandard frame: %w", ErrCorrupt, err)
		}
		if head.Skippable {
			n := int64(head.HeaderSize) + int64(head.SkippableSize)
			if n > int64(len(rest)) {
				return fmt.Errorf("%w: a page ends within a Zstandard frame", ErrCorrupt)
			}
			rest = rest[n:]
			continue
		}
		if head.HasFCS && head.FrameContentSize > uint64(want)-claimed {
			return fmt.Errorf("%w: a page of %d bytes claims %d more in its Zstandard frame", ErrCorrupt, want, head.FrameContentSize)
		}
		held, n, err := zstdBlocks(rest[head.HeaderSize:])
		if err != nil {
			return err
		}
		n += head.HeaderSize
		if head.HasCheckSum {
			n += 4
		}
		if n > len(rest) {
			return fmt.Errorf("%w: a page ends within a Zstandard frame", ErrCorrupt)
		}
		most, claimed = most+held, claimed+head.FrameContentSize
		unknown = unknown || !head.HasFCS
		rest = rest[n:]
	}
	if most > want+slack && unknown {
		return countZstd(page, want)
	}
	return nil
}

// zstdBlocks goes through a frame's blocks: how much they can hold at most, and how long they are.
func zstdBlocks(data []byte) (most int64, n int, err error) {
	for {
		if len(data)-n < 3 {
			return 0, 0, fmt.Errorf("%w: a page ends within a Zstandard frame", ErrCorrupt)
		}
		head := int(data[n]) | int(data[n+1])<<8 | int(data[n+2])<<16
		last, kind, size := head&1, head>>1&3, head>>3
		n += 3
		switch kind {
		case 0: // as it is
			most += int64(size)
		case 1: // one byte, again and again
			most += int64(size)
			size = 1
		case 2:
			most += maxZstdBlock
		default:
			return 0, 0, fmt.Errorf("%w: a page has an unknown block of Zstandard", ErrCorrupt)
		}
		if size > len(data)-n {
			return 0, 0, fmt.Errorf("%w: a page ends within a Zstandard frame", ErrCorrupt)
		}
		if n += size; last == 1 {
			return most, n, nil
		}
	}
}

// countZstd unpacks a page without keeping it.
func countZstd(page []byte, want int64) error {
	decoder, err := zstd.NewReader(bytes.NewReader(page), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxPageWindow))
	if err != nil {
		return err
	}
	defer decoder.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(decoder, want+1))
	if err != nil || n != want {
		return fmt.Errorf("%w: a page of %d bytes holds %d or more (%v)", ErrCorrupt, want, n, err)
	}
	return nil
}

// maxPageWindow bounds the memory of countZstd.
const maxPageWindow = 128 << 20

// CheckWindows refuses Zstandard frames whose windows, which a decoder of streams allocates, do not fit into what a
// file may take.
func CheckWindows(frames []byte, memory *budget.Budget) error {
	for rest := frames; len(rest) > 0; {
		var head zstd.Header
		if err := head.Decode(rest); err != nil {
			return fmt.Errorf("%w: a Zstandard frame: %w", ErrCorrupt, err)
		}
		n := int64(head.HeaderSize) + int64(head.SkippableSize)
		if !head.Skippable {
			window := head.WindowSize
			if head.SingleSegment {
				window = head.FrameContentSize
			}
			size := int64(min(window, math.MaxInt64))
			if err := memory.Take(size, "the window of a Zstandard frame"); err != nil {
				return err
			}
			memory.Give(size) // one is unpacked after the other
			_, blocks, err := zstdBlocks(rest[head.HeaderSize:])
			if err != nil {
				return err
			}
			if n += int64(blocks); head.HasCheckSum {
				n += 4
			}
		}
		if n > int64(len(rest)) {
			return fmt.Errorf("%w: it ends within a Zstandard frame", ErrCorrupt)
		}
		rest = rest[n:]
	}
	return nil
}
