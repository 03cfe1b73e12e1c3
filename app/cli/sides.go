package cli

import (
	"strconv"
	"strings"
)

// SidesHelp is the help of flags that choose the size of pictures for models that take any.
const SidesHelp = "size of the images in pixels, N (square) or WxH, for models that take any (default: the model's, or 224)"

// ParseSides reads "N" or "WxH"; empty is 0x0.
func ParseSides(text string) (width, height int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	first, second, both := strings.Cut(strings.ToLower(text), "x")
	if !both {
		second = first
	}
	width, errWidth := strconv.Atoi(first)
	height, errHeight := strconv.Atoi(second)
	if errWidth != nil || errHeight != nil || width < 1 || height < 1 {
		return 0, 0, Usagef("--size %q: give N, as 256, or WxH, as 320x240", text)
	}
	return width, height, nil
}
