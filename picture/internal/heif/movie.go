package heif

import (
	"fovea/picture/internal/fault"
)

// readMovie reads the track of an animated AVIF.
func readMovie(content []byte) (f File, err error) {
	found := false
	err = each(content, func(kind string, content []byte) (bool, error) {
		if kind != "trak" || found {
			return false, nil
		}
		t := track{}
		if err := t.read(content, 0); err != nil {
			return false, err
		}
		if t.alpha {
			f.Pixels += int64(t.width) * int64(t.height)
		} else if t.handler == "pict" {
			found = true
			f.Codec, f.Width, f.Height = t.codec, t.width, t.height
			f.Pixels += int64(t.width) * int64(t.height)
			f.Frames, f.Timescale, f.Durations = t.samples, t.timescale, t.durations
			f.Orientation = t.properties.orientation(&t.item)
		}
		return false, nil
	})
	if err == nil && (!found || f.Codec == "" || f.Width == 0 || f.Height == 0) {
		err = fault.Corrupt("no track with images")
	}
	return f, err
}

// track is one of a movie.
type track struct {
	width, height  int
	handler, codec string
	alpha          bool
	samples        int
	timescale      uint32
	durations      []Run
	properties     collection
	item           item
}

// mostNested is how deep a track's boxes stand in others: stbl in minf in mdia.
const mostNested = 3

// read reads a track's boxes, some of which are in others.
func (t *track) read(content []byte, depth int) error {
	if depth > mostNested {
		return fault.Corrupt("boxes of a track stand in each other without end")
	}
	return each(content, func(kind string, content []byte) (bool, error) {
		switch kind {
		case "mdia", "minf", "stbl":
			return false, t.read(content, depth+1)
		case "tkhd":
			return false, t.readSize(content)
		case "hdlr":
			f, _, _ := full(content)
			f.number(4)
			t.handler = f.text(4)
			return false, f.check(kind)
		case "tref":
			return false, each(content, func(kind string, _ []byte) (bool, error) {
				t.alpha = t.alpha || kind == "auxl"
				return false, nil
			})
		case "mdhd":
			return false, t.readTimescale(content)
		case "stsz":
			f, _, _ := full(content)
			f.number(4) // the size of all
			t.samples = int(f.number(4))
			return false, f.check(kind)
		case "stts":
			return false, t.readDurations(content)
		case "stsd":
			return false, t.readEntry(content)
		}
		return false, nil
	})
}

// readSize reads a track's header.
func (t *track) readSize(content []byte) error {
	f, version, _ := full(content)
	times := 4 + 4 + 4 + 4 + 4
	if version == 1 {
		times = 8 + 8 + 4 + 4 + 8
	}
	f.text(times + 8 + 8 + 36) // reserved, layer and volume, matrix
	t.width, t.height = int(f.number(4)>>16), int(f.number(4)>>16)
	return f.check("tkhd")
}

// readTimescale reads the header of a track's media.
func (t *track) readTimescale(content []byte) error {
	f, version, _ := full(content)
	f.text(4 + 4) // creation, modification
	if version == 1 {
		f.text(4 + 4)
	}
	t.timescale = uint32(f.number(4))
	return f.check("mdhd")
}

// readDurations reads how long samples show. Those of a list without end are cut off.
func (t *track) readDurations(content []byte) error {
	f, _, _ := full(content)
	for range min(f.number(4), mostNumbers) {
		t.durations = append(t.durations, Run{uint32(f.number(4)), uint32(f.number(4))})
		if f.short {
			break
		}
	}
	return f.check("stts")
}

// readEntry reads how the first sample is coded.
func (t *track) readEntry(content []byte) error {
	f, _, _ := full(content)
	f.number(4) // how many there are
	if err := f.check("stsd"); err != nil {
		return err
	}
	return each(f.data, func(kind string, content []byte) (bool, error) {
		t.codec = kind
		const before = 78 // of a visual sample entry
		if len(content) < before {
			return true, fault.Corrupt("the box %q ends too early", kind)
		}
		if err := t.properties.readProperties(content[before:]); err != nil {
			return true, err
		}
		for i := len(t.item.properties); i < len(t.properties.properties); i++ {
			t.item.properties = append(t.item.properties, i+1)
		}
		return true, nil
	})
}
