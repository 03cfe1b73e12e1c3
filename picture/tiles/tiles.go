package tiles

import (
	"context"
	"image"
	"io"

	"fovea/picture"
)

// Cutter gives the tiles of an image. It is for one goroutine.
type Cutter struct {
	spec  Spec
	scene *picture.Scene
}

// Open reads the header of an image, whose file has so many bytes and remains open. The level is the spec's. Errors
// about the file are as those of picture.Decode.
func Open(ctx context.Context, r io.ReaderAt, size int64, spec Spec, options picture.SceneOptions) (*Cutter, error) {
	options.Level = spec.Level
	scene, err := picture.OpenScene(ctx, r, size, options)
	if err != nil {
		return nil, err
	}
	return &Cutter{spec, scene}, nil
}

// Size is that of the image in pixels, at the level.
func (c *Cutter) Size() (width, height int) { return c.scene.Width, c.scene.Height }

// Places lists where tiles begin, without the empty ones if the spec says so, for which all are decoded, and the number
// of those.
func (c *Cutter) Places() (places []image.Point, empty int, err error) {
	all, err := c.spec.Grid(c.Size())
	if err != nil || !c.spec.SkipEmpty {
		return all, 0, err
	}
	for _, p := range all {
		tile, err := c.tile(p)
		if err != nil {
			return nil, 0, err
		}
		if !tile.Empty() {
			places = append(places, p)
		}
	}
	return places, len(all) - len(places), nil
}

// Tile returns the bytes of an image that shows the tile which begins at a place. Reading them in the order of Places
// is fastest.
func (c *Cutter) Tile(at image.Point) ([]byte, error) {
	tile, err := c.tile(at)
	if err != nil {
		return nil, err
	}
	return tile.Encode()
}

// Georeference is that of the tile which begins at a place, as far as it is inside of the image; nil if that has none.
func (c *Cutter) Georeference(at image.Point) (*picture.Georeference, error) {
	return c.scene.Georeference(c.part(at))
}

func (c *Cutter) part(at image.Point) image.Rectangle {
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(c.spec.Size, c.spec.Size))}
}

func (c *Cutter) tile(at image.Point) (picture.Raster, error) {
	return c.scene.Part(c.part(at))
}
