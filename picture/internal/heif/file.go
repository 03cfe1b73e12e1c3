package heif

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"fovea/picture/internal/boxes"
	"fovea/picture/internal/fault"
)

// File is what is known of a file before it is decoded.
type File struct {
	// Codec is the kind of the primary image's data: hvc1, av01, or another that is not decoded here.
	Codec string
	// Width and Height are of the image as libheif returns it, cropped and turned; for AV1 as it is stored, which is what
	// libavif returns.
	Width, Height int
	// Orientation is that of EXIF, 1 to 8, for what is still to be done to an image of AV1.
	Orientation int
	// Pixels are those of the image's parts, with those of its opacity, each part with what stands over the edges.
	Pixels int64
	// End is where the last of the image's bytes is in the file.
	End int64
	// Frames are those of a sequence, of which Durations says how long they show, in units of which Timescale are a
	// second; the last of the runs goes on to the end. Of a still image there are none.
	Frames    int
	Timescale uint32
	Durations []Run
	// Exif and XMP are the notes about the image of an AVIF. Exif is a TIFF structure.
	Exif, XMP []byte
}

// Run is a number of frames that show equally long.
type Run struct{ Frames, Duration uint32 }

// Brands are the kinds that a file says it is of, the major one first; none if it is no file of boxes.
func Brands(head []byte) (brands []string) {
	if len(head) < 12 || string(head[4:8]) != "ftyp" {
		return nil
	}
	end := min(uint64(binary.BigEndian.Uint32(head)), uint64(len(head)), 512)
	brands = []string{string(head[8:12])}
	for at := uint64(16); at+4 <= end; at += 4 {
		brands = append(brands, string(head[at:at+4]))
	}
	return brands
}

// IsAVIF says that brands are of an AVIF, as libavif has it.
func IsAVIF(brands []string) bool {
	return len(brands) > 0 && (slices.Contains(brands, "avif") || slices.Contains(brands, "avis")) &&
		!bytes.HasPrefix([]byte(brands[0]), []byte("he"))
}

// Read reads a file's structure. Behind the image there may be anything, such as a video.
func Read(data []byte) (File, error) {
	c, movie := newCollection(), []byte(nil)
	brands, rest := Brands(data), data
	for len(rest) >= 8 {
		kind, content, after, err := boxes.Split(rest)
		known := c.known || movie != nil
		switch {
		case kind == "mini":
			return File{}, fault.Unsupported("its header is of the short kind (mini): convert it to JPEG or PNG")
		case err != nil && !known && kind != "mdat":
			return File{}, fault.Truncated("the box %q is cut off", kind)
		case kind == "meta" && !c.known:
			if err := c.read(content); err != nil {
				return File{}, err
			}
		case kind == "moov" && err == nil && movie == nil:
			movie = content
		}
		rest = after
	}
	if IsAVIF(brands) && movie != nil && brands[0] != "avif" {
		return readMovie(movie)
	}
	switch {
	case c.hasPrimary:
		return c.file(data)
	case movie != nil:
		return File{}, fault.Unsupported("an image sequence without a still image: convert it to JPEG or PNG")
	case c.known:
		return File{}, fault.Corrupt("it does not say which image is the primary one")
	}
	return File{}, fault.Truncated("no image is there")
}

// file is that of the primary image.
func (c *collection) file(data []byte) (File, error) {
	primary := c.items[c.primary]
	if primary == nil || primary.kind == "" {
		return File{}, fault.Corrupt("there is no item %d, which is said to be the primary one", c.primary)
	}
	f := File{Orientation: 1}
	if err := c.add(&f, c.primary, 0); err != nil {
		return f, err
	}
	for _, alpha := range c.order {
		if slices.Contains(c.references["auxl"][alpha], c.primary) && c.isAlpha(alpha) {
			if err := c.add(&f, alpha, 0); err != nil {
				return f, err
			}
		}
	}
	width, height, known := c.size(primary)
	if !known || width == 0 || height == 0 || width > math.MaxInt32 || height > math.MaxInt32 {
		return f, fault.Corrupt("an image of %dx%d pixels", width, height)
	}
	f.Width, f.Height = int(width), int(height)
	if f.Codec == "av01" {
		f.Orientation = c.orientation(primary)
		f.Exif, f.XMP = c.notes(data)
		return f, nil
	}
	return f, c.transform(&f, primary)
}

// isAlpha says that an auxiliary image is the opacity of another.
func (c *collection) isAlpha(id uint64) (is bool) {
	if c.items[id] == nil {
		return false
	}
	c.each(c.items[id], func(p property) {
		kind := p.content[:min(len(p.content), 256)] // a name of some 50 bytes
		is = is || p.kind == "auxC" && (bytes.Contains(kind, []byte("auxiliary:alpha")) || bytes.Contains(kind, []byte("hevc:2015:auxid:1\x00")))
	})
	return is
}

// mostDerived bounds how often images are made of others.
const mostDerived = 4

// mostVisited bounds the extents and properties of an image's parts together, mostNotes the notes about it, which may all
// be the same bytes of the file.
const (
	mostVisited = 16 * mostNumbers
	mostNotes   = 64
)

// add counts an image and what it is made of.
func (c *collection) add(f *File, id uint64, depth int) error {
	i := c.items[id]
	if c.added++; c.added > mostNumbers {
		return fault.Corrupt("an image of more than %d parts", mostNumbers)
	}
	if i == nil || depth > mostDerived {
		return fault.Corrupt("item %d is missing or made of itself", id)
	}
	if c.visited += len(i.extents) + len(i.properties); c.visited > mostVisited {
		return fault.Corrupt("an image whose parts have more than %d places and properties", mostVisited)
	}
	if i.kind == "" { // it has a place or properties, but nothing says what it is
		return fault.Corrupt("item %d is part of the image, and the box %q does not name its kind", id, "iinf")
	}
	for _, e := range i.extents {
		if !i.within {
			f.End = max(f.End, int64(min(e.offset, math.MaxInt64/4)+min(e.length, math.MaxInt64/4)))
		}
	}
	switch i.kind {
	case "grid", "iovl", "iden", "tmap":
		parts := c.references["dimg"][id]
		if len(parts) == 0 {
			return fault.Corrupt("an image (%s) of no parts", i.kind)
		}
		for _, part := range parts {
			if err := c.add(f, part, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if f.Codec == "" || f.Codec == "hvc1" || f.Codec == "av01" {
		f.Codec = i.kind // one that is not decoded stays
	}
	width, height, _ := c.size(i)
	f.Pixels += int64(min(width*height, math.MaxInt32)) // sizes are of 32 bits
	f.Pixels = min(f.Pixels, math.MaxInt64/256)
	return nil
}

// notes are those about the primary image. Ones in several pieces, which nobody writes, are left out.
func (c *collection) notes(data []byte) (exif, xmp []byte) {
	read := 0
	for _, id := range c.order {
		i := c.items[id]
		if len(i.extents) != 1 || i.within || !slices.Contains(c.references["cdsc"][id], c.primary) {
			continue
		}
		if read++; read > mostNotes {
			break
		}
		e, length := i.extents[0], uint64(len(data))
		if e.offset > length || e.length > length-e.offset {
			continue
		}
		content := data[e.offset : e.offset+e.length]
		switch {
		case i.kind == "Exif" && len(content) >= 4: // how far it is to the TIFF structure is before it
			if skip := uint64(binary.BigEndian.Uint32(content)); skip <= uint64(len(content)-4) {
				exif = content[4+skip:]
			}
		case i.kind == "mime" && bytes.Contains(content, []byte("x:xmpmeta")):
			xmp = content
		}
	}
	return exif, xmp
}
