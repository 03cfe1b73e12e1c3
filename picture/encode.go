package picture

import (
	"bytes"
	"image"
	"image/jpeg"
)

// JPEG is the first view as a JPEG file, of a quality from 1 to 100, for people to look at.
func (p Picture) JPEG(quality int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := range p.Width * p.Height {
		copy(img.Pix[4*i:], p.Pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}
