package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bands says which bands of an image are shown, counted from 1: one as grey, or three as red, green and blue, such as
// "4,3,2"; empty for the file's own colours.
//
// The bands of a TIFF in grey or RGB are its samples, however many it has. Opacity stays opacity, unless it is
// one of the bands, and only where the file says that it is. All other images, TIFFs with a palette, in CMYK, Lab or
// YCbCr among them, have the three bands red, green and blue.
type Bands string

// BandsHelp is how bands are written.
const BandsHelp = "one (grey) or three (red, green, blue), counted from 1, such as 4,3,2"

// maxBand is the most that a TIFF can have.
const maxBand = 1<<16 - 1

// ParseBands reads bands and writes them in the one form that recipes have.
func ParseBands(text string) (Bands, error) {
	list, err := Bands(text).list()
	if err != nil {
		return "", err
	}
	numbers := make([]string, len(list))
	for i, b := range list {
		numbers[i] = strconv.Itoa(b + 1)
	}
	return Bands(strings.Join(numbers, ",")), nil
}

// Validate reports what is wrong with the bands.
func (b Bands) Validate() error {
	_, err := b.list()
	return err
}

// list is the bands counted from 0, nil for the file's own colours.
func (b Bands) list() ([]int, error) {
	if b == "" {
		return nil, nil
	}
	parts := strings.Split(string(b), ",")
	list := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 32)
		if err != nil || n < 1 || n > maxBand || len(parts) != 1 && len(parts) != 3 {
			return nil, fmt.Errorf("image: unknown bands %q: use %s", string(b), BandsHelp)
		}
		list[i] = int(n) - 1
	}
	return list, nil
}

// check refuses bands that an image of so many has not.
func checkBands(list []int, have int) error {
	for _, b := range list {
		if b >= have {
			plural := "bands"
			if have == 1 {
				plural = "band"
			}
			return fmt.Errorf("%w: it has %d %s, no band %d: choose others with --bands", ErrUnsupported, have, plural, b+1)
		}
	}
	return nil
}

// bands shows some of red, green and blue.
func (s source) bands(b Bands) (source, error) {
	list, err := b.list()
	if err != nil || list == nil || s.chosen {
		return s, err
	}
	if err := checkBands(list, 3); err != nil {
		return s, err
	}
	if len(list) == 1 {
		list = []int{list[0], list[0], list[0]}
	}
	if slices.Equal(list, []int{0, 1, 2}) {
		return s, nil
	}
	row := s.row
	s.row = func(y int, dst []uint8) {
		row(y, dst)
		for x := 0; x < len(dst); x += 3 {
			dst[x], dst[x+1], dst[x+2] = dst[x+list[0]], dst[x+list[1]], dst[x+list[2]]
		}
	}
	return s, nil
}

// choose takes bands instead of the colours of a page in grey or RGB.
func (k *tiffKind) choose(list []int) error {
	if err := checkBands(list, k.Samples); err != nil {
		return err
	}
	k.chosen, k.colours, k.channels = true, len(list), slices.Clone(list)
	k.alpha, k.premultiplied = false, false
	for i, meaning := range k.Extra {
		c := k.Layout.Colours() + i
		if c < k.Samples && isOpacity(meaning) && !slices.Contains(list, c) {
			k.alpha, k.premultiplied = true, isPremultiplied(meaning)
			k.channels = append(k.channels, c)
			break
		}
	}
	return nil
}
