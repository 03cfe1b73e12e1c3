package picture

import (
	"encoding/hex"
	"fmt"
)

// Background is the colour that shows through transparent pixels, as "#rrggbb". With the zero value
// there is none: the alpha channel is dropped, and pixels show the colour stored beside it, as with
// Pillow's convert("RGB"), with which Keras and torchvision read images. With a colour, pixels are
// what Pillow's paste gives, with the alpha channel as the mask.
type Background string

// ParseBackground reads a colour as "#rrggbb", "white" or "black", or "" for none.
func ParseBackground(text string) (Background, error) {
	switch text {
	case "white":
		return "#ffffff", nil
	case "black":
		return "#000000", nil
	}
	b := Background(text)
	colour, blended := b.Colour()
	switch {
	case blended:
		return Background("#" + hex.EncodeToString(colour[:])), nil
	case b != "":
		return "", b.Validate()
	}
	return "", nil
}

// Validate reports what is wrong with the colour.
func (b Background) Validate() error {
	if _, blended := b.Colour(); b != "" && !blended {
		return fmt.Errorf("image: unknown background %q: use white, black, or a colour as #rrggbb", string(b))
	}
	return nil
}

// Colour is red, green and blue; blended is false for no background.
func (b Background) Colour() (rgb [3]uint8, blended bool) {
	if len(b) != 7 || b[0] != '#' {
		return rgb, false
	}
	_, err := hex.Decode(rgb[:], []byte(b[1:]))
	return rgb, err == nil
}
