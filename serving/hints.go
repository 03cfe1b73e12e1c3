package serving

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"fovea/internal/lazy"
	"fovea/picture"
)

// mistakes are what clients send instead of an image, with what to do.
var mistakes = []struct {
	is   func(file []byte) bool
	hint string
}{
	{isEmpty, "there are no bytes: send the image's bytes, as curl --data-binary @FILE does"},
	{isForm, "this is multipart/form-data: send it with that Content-Type, or the image's bytes alone, as curl --data-binary @FILE does"},
	{startsWith("\x1f\x8b"), "this is compressed by gzip: send the image as it is, without Content-Encoding"},
	{isDataURL, "this is a data URL: send the image that it contains, decoded from base64"},
	{isPage, "this is a web page: send the image itself; its address may need a login"},
	{isURL, "this is a URL, and the server opens none: download the image, and send its bytes"},
	{isFileName, "this is a file's name: send its contents, as curl --data-binary @FILE does, with the @"},
	{isBase64, "this is base64 text: decode it, and send the image's bytes"},
	{isFields, "this is an HTML form's text (application/x-www-form-urlencoded): send the image's bytes alone, as curl --data-binary @FILE does"},
	{wasText, "this image was taken for text on its way, which spoils it: read and send it as bytes, not as a string"},
	{lostLines, "this image has lost its line ends and zeros on its way, as by curl -d: use curl --data-binary @FILE"},
}

// explain adds to a decoder's error what the file is instead of an image.
func explain(err error, file []byte) error {
	var unreadable *picture.Error
	if !errors.As(err, &unreadable) {
		return err
	}
	for _, mistake := range mistakes {
		if mistake.is(file) {
			return fmt.Errorf("%s (%w)", mistake.hint, err)
		}
	}
	return err
}

// beginning is as much of a file as tells what it is.
const beginning = 512

// opening is that much, without space around it.
func opening(file []byte) []byte { return bytes.TrimSpace(file[:min(len(file), beginning)]) }

func isEmpty(file []byte) bool { return len(file) == 0 }

func startsWith(prefixes ...string) func([]byte) bool {
	return func(file []byte) bool {
		lower := lowered(opening(file))
		for _, p := range prefixes {
			if bytes.HasPrefix(lower, []byte(p)) {
				return true
			}
		}
		return false
	}
}

// lowered has small letters for ASCII's large ones, and all other bytes as they are.
func lowered(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

var (
	isDataURL = startsWith("data:")
	isURL     = startsWith("http://", "https://", "s3://", "gs://", "ftp://", "file://")
	isPage    = startsWith("<!doctype html", "<html")
	wasText   = startsWith("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbdpng", "\xc3\xbf\xc3\x98\xc3\xbf", "\xc2\x89png")
	lostLines = startsWith("\x89png\x1a", "\xff\xd8\xff\xe0\x10jfif")
)

// isForm sees a form by its own boundary.
func isForm(file []byte) bool {
	return startsWith("--")(file) && bytes.Contains(lowered(opening(file)), []byte("\ncontent-disposition: form-data"))
}

var (
	fileName = lazy.Regexp(`(?i)^@?[^\x00-\x1f]{1,250}\.(jpe?g|png|gif|bmp|tiff?|webp|avif|hei[cf]|jp2|jxl|dcm)$`)
	fields   = lazy.Regexp(`^[A-Za-z0-9_.~*+%\[\]-]{1,100}=[A-Za-z0-9_.~*+%/=@-]*(&[A-Za-z0-9_.~*+%\[\]-]{1,100}=|$)`)
)

func isFileName(file []byte) bool { return len(file) < beginning && fileName().Match(opening(file)) }
func isFields(file []byte) bool   { return fields().Match(opening(file)) }

// isBase64 sees base64, of either alphabet and with lines or without, by what it decodes to.
func isBase64(file []byte) bool {
	text := strings.NewReplacer(`"`, "", "\r", "", "\n", "", "-", "+", "_", "/").Replace(string(opening(file)))
	decoded, err := base64.StdEncoding.DecodeString(text[:len(text)/4*4])
	return err == nil && len(decoded) >= 12 && picture.Recognized(decoded)
}
