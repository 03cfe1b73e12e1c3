package contactsheet

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	_ "embed"

	"golang.org/x/sync/errgroup"

	"fovea/internal/look"
	"fovea/picture"
)

// Picture is one image of a sheet.
type Picture struct {
	// File is the path of the image's file.
	File string
	// Name, Note and Details are shown below it, a line each, and Mark in bold.
	Name, Note, Details, Mark string
}

// Group is a group of images with a title. Mark is a warning beside it, "" for none.
type Group struct {
	Title    string
	Mark     string
	Pictures []Picture
}

// Download is a table that a sheet has in it, to be saved.
type Download struct {
	// File is its name, Label the link's text, Note a sentence about it.
	File, Label, Note string
	// Content is CSV, at most MostDownload bytes.
	Content []byte
}

// MostDownload is the number of bytes that a link can hold in all browsers: encoded they are 2 MB.
const MostDownload = 1_500_000

// Sheet is a contact sheet.
type Sheet struct {
	Title string
	// Notes are paragraphs above the groups.
	Notes []string
	// Download is nil for none.
	Download *Download
	Groups   []Group
}

const (
	// thumbnailSize is the width and height in pixels of a thumbnail: the centre of the image, a square.
	thumbnailSize = 160
	// thumbnailQuality is the quality of the thumbnails, JPEGs of about 6 kB each.
	thumbnailQuality = 80
	// maxFileBytes bounds what is read of one file.
	maxFileBytes = 256 << 20
)

//go:embed sheet.html
var source string

var page = sync.OnceValue(func() *template.Template {
	return template.Must(look.Template("sheet", source, template.FuncMap{
		"csvURI": func(content []byte) template.URL {
			return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(content)) // base64 only
		},
	}))
})

// thumbnail is an image as the page shows it, or why it does not.
type thumbnail struct {
	Picture
	Image   template.URL
	Problem string
}

type shownGroup struct {
	Title, Mark string
	Pictures    []thumbnail
}

// Write writes the sheet as one HTML file. An image that cannot be read is shown as a grey square with the
// reason. Only the thumbnails are kept in memory.
func Write(ctx context.Context, w io.Writer, sheet Sheet) error {
	if d := sheet.Download; d != nil && len(d.Content) > MostDownload {
		return fmt.Errorf("contact sheet: a download of %d bytes is too long for a link, which holds %d", len(d.Content), MostDownload)
	}
	groups := make([]shownGroup, len(sheet.Groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, g := range sheet.Groups {
		groups[i] = shownGroup{g.Title, g.Mark, make([]thumbnail, len(g.Pictures))}
		for j, p := range g.Pictures {
			work.Go(func() error {
				if err := context.Cause(ctx); err != nil {
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
	err := page().Execute(w, struct {
		Title    string
		Notes    []string
		Download *Download
		Groups   []shownGroup
		Size     int
	}{sheet.Title, sheet.Notes, sheet.Download, groups, thumbnailSize})
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
	return thumbnail{Picture: p, Image: template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(encoded))} // our own bytes
}

// shrink reads an image and returns its thumbnail, a JPEG.
func shrink(file string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer f.Close() // read-only
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
	return small.JPEG(thumbnailQuality)
}
