package cli

import (
	"strconv"
	"strings"
)

// SidesHelp is the help of flags that choose the size of images for models that take any.
const SidesHelp = "resize images to `SIZE` pixels, N (square) or WxH, for models that take any size (default: the model's, or 224)"

// ParseSides reads the value of --size, "N" or "WxH" in pixels; empty is 0x0, the model's size.
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
		return 0, 0, Usagef("--size %q: give N, such as 256, or WxH, such as 320x240", text)
	}
	return width, height, nil
}
