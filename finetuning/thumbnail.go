package finetuning

import (
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/internal/budget"
	"fovea/picture"
)

// thumbnailSize is the width and height in pixels.
const thumbnailSize = 176

// thumbnailOrWarning is nil where the image cannot be read.
func thumbnailOrWarning(file, resize string) []byte {
	content, err := thumbnail(file, resize)
	if err != nil {
		logrus.Warnf("no thumbnail: %v", err)
		return nil
	}
	return content
}

// thumbnail is an image as the model saw it, resized and cropped like it, as a JPEG.
func thumbnail(file, resize string) ([]byte, error) {
	content, err := budget.ReadFile(file, picture.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	p, err := picture.Decode(content, picture.Options{Width: thumbnailSize, Height: thumbnailSize, Resize: picture.Resize(resize)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p.JPEG(80)
}
