package explorer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"fovea/featurestore"
	"fovea/inputs"
	"fovea/internal/budget"
	"fovea/objects"
	"fovea/picture"
	"fovea/picture/frames"
	"fovea/pipeline"
)

// pictures finds the images of rows below one directory: files, and what is in archives, tables, animations and scenes.
// Only a row's number chooses what is read.
type pictures struct {
	// root is the directory that the dataset was extracted from, "" for none.
	root string
	// busy has a place for each image that is read and decoded at a time.
	busy   chan struct{}
	thumbs thumbCache

	// one is held while an archive or another file of several images is read.
	one     sync.Mutex
	reader  pipeline.Reader
	holders map[string]map[string]pipeline.Item // by the holder's file, and the path below root
}

// mostHolders bounds the files of several images whose lists are kept.
const mostHolders = 8

// newPictures checks the directory of images.
func newPictures(o Options) (*pictures, error) {
	p := &pictures{root: o.Images, busy: make(chan struct{}, runtime.GOMAXPROCS(0)), holders: map[string]map[string]pipeline.Item{}}
	if o.Images == "" {
		return p, nil
	}
	if objects.IsURL(o.Images) {
		return nil, errors.New("the images are in an object store: copy them, and name the directory of the copy")
	}
	info, err := os.Stat(o.Images)
	if err != nil {
		return nil, fmt.Errorf("--images: the directory that the dataset was extracted from: %w", err)
	}
	if !info.IsDir() { // an archive that was itself given to extract: paths begin with its name
		p.root = filepath.Dir(o.Images)
	}
	return p, nil
}

// found is what is known of an edition's images without reading them.
type found struct {
	any  bool
	note string
}

// sampled is how many rows are looked for to say whether images are at hand.
const sampled = 50

// look looks for the images of some rows: those of a disk that was not mounted may have come meanwhile.
func (p *pictures) look(t *table) found {
	f := found{note: "There are points without pictures: --images DIR names the directory that the dataset was extracted from."}
	if p.root != "" {
		missing, first, of := 0, 0, min(sampled, t.rows())
		for i := range of {
			if row := i * t.rows() / of; !p.has(t, row) {
				if missing++; missing == 1 {
					first = row
				}
			}
		}
		f = found{any: missing < of}
		if missing > 0 {
			f.note = fmt.Sprintf("%d of %d images that were looked for are not in %s, such as %s: --images DIR names the directory that was given to extract.", missing, of, p.root, featurestore.EscapeText(t.paths[first]))
		}
	}
	return f
}

// notes are sentences for people.
func (f found) notes() []string {
	if f.note == "" {
		return []string{}
	}
	return []string{f.note}
}

// has says whether the file of a row's image is there.
func (p *pictures) has(t *table, row int) bool {
	if p.root == "" {
		return false
	}
	_, _, err := p.locate(t.paths[row])
	return err == nil
}

// errNoPicture says that the image of a row is not at hand.
var errNoPicture = errors.New("the image is not at hand")

// locate finds the file of a path, and what of the path is in that file: "" for a file that is itself the image. Paths
// that lead out of the directory, as those of a foreign dataset may, are not found.
func (p *pictures) locate(path string) (file, within string, err error) {
	if !filepath.IsLocal(filepath.FromSlash(path)) {
		return "", "", fmt.Errorf("%w: the path %q leads out of the directory of images", errNoPicture, featurestore.EscapeText(path))
	}
	for holder := path; ; {
		file = filepath.Join(p.root, filepath.FromSlash(holder))
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, path[len(holder):], nil
		}
		cut := strings.LastIndexAny(holder, "/#")
		if cut <= 0 {
			return "", "", fmt.Errorf("%w: %s is not in %s", errNoPicture, featurestore.EscapeText(path), p.root)
		}
		holder = holder[:cut]
	}
}

// bytes reads the image of a row, as it was extracted: other content is refused.
func (p *pictures) bytes(ctx context.Context, t *table, row int) ([]byte, error) {
	if p.root == "" {
		return nil, fmt.Errorf("%w: give --images DIR", errNoPicture)
	}
	file, within, err := p.locate(t.paths[row])
	if err != nil {
		return nil, err
	}
	var data []byte
	if within == "" {
		data, err = budget.ReadFile(file, picture.MaxFileBytes)
	} else {
		data, err = p.member(ctx, t, file, t.paths[row], within)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", errNoPicture, err)
	}
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); len(t.sha256[row]) == 2*sha256.Size && !strings.EqualFold(hex.EncodeToString(sum[:]), t.sha256[row]) {
		return nil, fmt.Errorf("%w: the file of %s has changed since it was extracted: extract again (extract --sync)", errNoPicture, featurestore.EscapeText(t.paths[row]))
	}
	return data, nil
}

// member reads one of the images in a file of several.
func (p *pictures) member(ctx context.Context, t *table, file, path, within string) ([]byte, error) {
	p.one.Lock()
	defer p.one.Unlock()
	items, ok := p.holders[file]
	if !ok {
		var err error
		if items, err = listHolder(ctx, t, file, within); err != nil {
			return nil, err
		}
		if len(p.holders) >= mostHolders {
			clear(p.holders)
		}
		p.holders[file] = items
	}
	item, ok := items[within]
	if !ok {
		return nil, fmt.Errorf("%w: %s has no %s", errNoPicture, file, featurestore.EscapeText(path))
	}
	data, err := p.reader.Read(ctx, item)
	if err != nil && ctx.Err() == nil {
		delete(p.holders, file) // it may be another file now
	}
	return data, err
}

// listHolder lists the images in a file of several, by what follows the file's name in their paths.
func listHolder(ctx context.Context, t *table, file, within string) (map[string]pipeline.Item, error) {
	var o inputs.Options
	var err error
	if strings.HasPrefix(within, "#") { // a frame or a tile
		if made, ok := t.dataset.Recipe().Part(t.layer.Name); ok {
			err = o.Follow(made)
		}
		if err == nil && o.Tiles.Whole() {
			o.Frames, err = frames.ParseSelection("all")
		}
	}
	if err != nil {
		return nil, err
	}
	listing, err := o.Finder().List(ctx, []string{file}, nil)
	if err != nil {
		return nil, err
	}
	items := make(map[string]pipeline.Item, len(listing.Items))
	for _, item := range listing.Items {
		items[strings.TrimPrefix(item.Path, filepath.Base(file))] = item
	}
	return items, nil
}

// close closes the file of several images that is open. Nobody may read images meanwhile.
func (p *pictures) close() { p.reader.Close() }
