package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // decoder
	_ "image/jpeg" // decoder
	_ "image/png"  // decoder
	"io"
	"strings"

	_ "golang.org/x/image/bmp"  // decoder
	_ "golang.org/x/image/tiff" // decoder
	_ "golang.org/x/image/webp" // decoder
)

// Decode reads a picture from the bytes of its file, turns it upright and resizes it. The
// error is one of ErrUnsupported, ErrTooLarge and ErrDamaged, with the details.
func Decode(data []byte, options Options) (Picture, error) {
	if err := options.Validate(); err != nil {
		return Picture{}, err
	}
	config, format, err := decodeHeader(data)
	if err != nil {
		return Picture{}, err
	}
	limit := options.MaxPixels
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if config.Width < 1 || config.Height < 1 {
		return Picture{}, fmt.Errorf("%w: %s header says %dx%d pixels", ErrDamaged, format, config.Width, config.Height)
	}
	if config.Width > limit/config.Height {
		return Picture{}, fmt.Errorf("%w: %dx%d pixels, the limit is %d", ErrTooLarge, config.Width, config.Height, limit)
	}
	source, err := decodePixels(data, format)
	if err != nil {
		return Picture{}, err
	}
	pixels := toRGB(source)
	pixels = pixels.oriented(orientation(data, format))
	if options.Resize == Crop {
		pixels = pixels.centreCrop(options.Width, options.Interpolation)
	} else {
		pixels = pixels.resized(options.Width, options.Height, options.Interpolation)
	}
	return Picture{
		Pix: pixels.pix, Width: pixels.width, Height: pixels.height,
		SourceWidth: config.Width, SourceHeight: config.Height, Format: format,
	}, nil
}

func decodeHeader(data []byte) (config image.Config, format string, err error) {
	defer recoverDecoder(&err)
	config, format, err = image.DecodeConfig(bytes.NewReader(data))
	switch {
	case err == nil:
		return config, format, nil
	case errors.Is(err, image.ErrFormat):
		return config, "", fmt.Errorf("%w: %s", ErrUnsupported, identify(data))
	}
	return config, "", damaged(err)
}

func decodePixels(data []byte, format string) (source image.Image, err error) {
	defer recoverDecoder(&err)
	source, _, err = image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format, damaged(err))
	}
	return source, nil
}

// recoverDecoder turns a panic of a decoder, all of which read hostile input, into an
// error.
func recoverDecoder(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: the decoder failed: %v", ErrDamaged, p)
	}
}

func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: truncated", ErrDamaged)
	}
	if strings.Contains(err.Error(), "unsupported") { // arithmetic coding, 12 bits and the like
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// identify names what a file is that cannot be decoded.
func identify(data []byte) string {
	if len(data) == 0 {
		return "the file is empty"
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		switch brand := string(data[8:12]); {
		case strings.HasPrefix(brand, "avi"):
			return "AVIF: convert it to JPEG or PNG"
		case strings.HasPrefix(brand, "hei"), strings.HasPrefix(brand, "hev"), brand == "mif1", brand == "msf1":
			return "HEIC: convert it to JPEG or PNG"
		case brand == "crx ":
			return "Canon raw: develop it to JPEG or PNG"
		}
		return "an MP4 or similar container"
	}
	known := []struct{ start, name string }{
		{"\x00\x00\x00\x0cJXL ", "JPEG XL: convert it to JPEG or PNG"}, {"\xff\x0a", "JPEG XL: convert it to JPEG or PNG"},
		{"\x00\x00\x00\x0cjP  ", "JPEG 2000: convert it to JPEG or PNG"}, {"FUJIFILMCCD-RAW", "Fuji raw: develop it to JPEG or PNG"},
		{"%PDF", "a PDF document"}, {"PK\x03\x04", "a ZIP archive"}, {"8BPS", "a Photoshop document"},
		{"<?xml", "XML, perhaps SVG"}, {"<svg", "SVG: render it to PNG"}, {"<!DOCTYPE html", "an HTML page"}, {"<html", "an HTML page"},
	}
	for _, k := range known {
		if bytes.HasPrefix(data, []byte(k.start)) {
			return k.name
		}
	}
	return "neither JPEG, PNG, GIF, BMP, TIFF nor WebP by its content"
}
