package contactsheet

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	_ "embed"

	"golang.org/x/sync/errgroup"

	"fovea/picture"
)

// Picture is one picture of a sheet.
type Picture struct {
	// File is where it lies.
	File string
	// Name and Note stand below it.
	Name, Note string
}

// Group is some pictures that belong together.
type Group struct {
	Title    string
	Pictures []Picture
}

// Sheet is a page.
type Sheet struct {
	Title string
	// Notes are paragraphs before the groups.
	Notes  []string
	Groups []Group
}

const (
	// thumbnailSize is the width and height in pixels of what is shown: the centre of the
	// picture, a square.
	thumbnailSize = 160
	// thumbnailQuality is that of the JPEGs within the page, about 6 kB each.
	thumbnailQuality = 80
	// maxFileBytes bounds what is read of one picture.
	maxFileBytes = 256 << 20
)

//go:embed sheet.html
var source string

var page = template.Must(template.New("sheet").Parse(source))

// thumbnail is what the page shows of a picture: an image, or why there is none.
type thumbnail struct {
	Picture
	Image   template.URL
	Problem string
}

type shownGroup struct {
	Title    string
	Pictures []thumbnail
}

// Write writes the sheet as one HTML file. A picture that cannot be read is shown as a grey
// square that says why. Only the thumbnails are kept in memory.
func Write(ctx context.Context, w io.Writer, sheet Sheet) error {
	groups := make([]shownGroup, len(sheet.Groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, g := range sheet.Groups {
		groups[i] = shownGroup{g.Title, make([]thumbnail, len(g.Pictures))}
		for j, p := range g.Pictures {
			work.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				groups[i].Pictures[j] = show(p)
				return nil
			})
		}
	}
	if err := work.Wait(); err != nil {
		return fmt.Errorf("contact sheet: %w", err)
	}
	err := page.Execute(w, struct {
		Title  string
		Notes  []string
		Groups []shownGroup
		Size   int
	}{sheet.Title, sheet.Notes, groups, thumbnailSize})
	if err != nil {
		return fmt.Errorf("contact sheet: %w", err)
	}
	return nil
}

func show(p Picture) thumbnail {
	encoded, err := shrink(p.File)
	if errors.Is(err, fs.ErrNotExist) {
		return thumbnail{Picture: p, Problem: "not found"}
	}
	if err != nil {
		return thumbnail{Picture: p, Problem: err.Error()}
	}
	return thumbnail{Picture: p, Image: template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(encoded))} //nolint:gosec // our own bytes
}

// shrink reads a picture and makes its thumbnail, a JPEG.
func shrink(file string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFileBytes {
		return nil, fmt.Errorf("larger than %d MB", maxFileBytes>>20)
	}
	small, err := picture.Decode(raw, picture.Options{Width: thumbnailSize, Height: thumbnailSize, Resize: picture.Crop, Interpolation: picture.Bicubic})
	if err != nil {
		return nil, err
	}
	img := image.NewNRGBA(image.Rect(0, 0, small.Width, small.Height))
	for i := range small.Width * small.Height {
		copy(img.Pix[4*i:], small.Pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	var encoded bytes.Buffer
	err = jpeg.Encode(&encoded, img, &jpeg.Options{Quality: thumbnailQuality})
	return encoded.Bytes(), err
}
