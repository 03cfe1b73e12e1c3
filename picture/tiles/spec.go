package tiles

import (
	"fmt"
	"image"
	"iter"
	"strconv"
	"strings"
)

// Spec says how images are cut. The zero value leaves them whole.
type Spec struct {
	// Size is a tile's side in pixels, Stride the distance of neighbours.
	Size, Stride int
	// Level is that of the pyramid: 0 is full resolution.
	Level int
	// SkipEmpty leaves out tiles in which there is nothing to see, see picture.Raster.Empty.
	SkipEmpty bool
}

// Bounds of a Spec.
const (
	MaxSize   = 8192
	maxStride = 1 << 20
	maxLevel  = 63
	// maxTiles bounds the tiles of an image.
	maxTiles = 1 << 20
)

// Parse reads SIZE, SIZE:STRIDE, SIZE@LEVEL or SIZE:STRIDE@LEVEL, such as 224:112@1, and "" for whole images.
func Parse(text string) (Spec, error) {
	if text == "" {
		return Spec{}, nil
	}
	size, level, leveled := strings.Cut(text, "@")
	size, stride, overlapping := strings.Cut(size, ":")
	var s Spec
	ok := number(size, 1, MaxSize, &s.Size)
	if s.Stride = s.Size; overlapping {
		ok = number(stride, 1, maxStride, &s.Stride) && ok
	}
	if leveled {
		ok = number(level, 0, maxLevel, &s.Level) && ok
	}
	if !ok {
		return Spec{}, fmt.Errorf("unknown tiles %q: use SIZE or SIZE:STRIDE in pixels, up to %d, such as 224 or 224:112", text, MaxSize)
	}
	return s, nil
}

// number reads a whole number without signs.
func number(text string, least, most int, into *int) bool {
	n, err := strconv.ParseUint(text, 10, 31)
	*into = int(n)
	return err == nil && *into >= least && *into <= most
}

// Whole says that images are not cut.
func (s Spec) Whole() bool { return s.Size == 0 }

// Validate reports what is wrong.
func (s Spec) Validate() error {
	switch {
	case s.Level < 0 || s.Level > maxLevel:
		return fmt.Errorf("level %d of a pyramid: use 0 (full resolution) to %d", s.Level, maxLevel)
	case s.Whole() && s.Level > 0:
		return fmt.Errorf("level %d of a pyramid: only tiles are cut from a level", s.Level)
	case s.Whole() && s.SkipEmpty:
		return fmt.Errorf("only tiles are left out where they are empty")
	}
	_, err := Parse(s.String())
	return err
}

// String is the spec as Parse reads it, without SkipEmpty: what decides a tile's pixels.
func (s Spec) String() string {
	if s.Whole() {
		return ""
	}
	text := strconv.Itoa(s.Size)
	if s.Stride != s.Size {
		text += ":" + strconv.Itoa(s.Stride)
	}
	if s.Level > 0 {
		text += "@" + strconv.Itoa(s.Level)
	}
	return text
}

// Set and Type make the size and stride the value of a flag.
func (s *Spec) Set(text string) error {
	got, err := Parse(text)
	if err == nil && strings.Contains(text, "@") {
		err = fmt.Errorf("tiles %q: choose the level with --level", text)
	}
	if err == nil {
		s.Size, s.Stride = got.Size, got.Stride
	}
	return err
}

// Type is that of the flag's value.
func (s *Spec) Type() string { return "tiles" }

// starts are where tiles begin along a side.
func (s Spec) starts(side int) iter.Seq[int] {
	return func(yield func(int) bool) {
		at := 0
		for ; at+s.Size <= side; at += s.Stride {
			if !yield(at) {
				return
			}
		}
		if last := side - s.Size; last <= 0 && at == 0 {
			yield(0)
		} else if last > 0 && at-s.Stride < last {
			yield(last)
		}
	}
}

// count is how many tiles a side has.
func (s Spec) count(side int) int {
	if side <= s.Size {
		return 1
	}
	return (side-s.Size-1)/s.Stride + 2
}

// Grid lists where the tiles of an image begin, row by row.
func (s Spec) Grid(width, height int) ([]image.Point, error) {
	if s.count(width) > maxTiles/s.count(height) {
		return nil, fmt.Errorf("%dx%d pixels in tiles of %d, %d apart, are more than %d: use larger ones, or a smaller level", width, height, s.Size, s.Stride, maxTiles)
	}
	places := make([]image.Point, 0, s.count(width)*s.count(height))
	for y := range s.starts(height) {
		for x := range s.starts(width) {
			places = append(places, image.Pt(x, y))
		}
	}
	return places, nil
}
