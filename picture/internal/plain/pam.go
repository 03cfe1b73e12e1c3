package plain

import (
	"bytes"
	"strconv"

	"fovea/picture/internal/fault"
)

// pamStart begins a PAM; comments or one of the lines of its header follow.
var pamStart = [][]byte{[]byte("P7\nWIDTH "), []byte("P7\nHEIGHT "), []byte("P7\nDEPTH "), []byte("P7\nMAXVAL "), []byte("P7\nTUPLTYPE "), []byte("P7\n#")}

// IsPAM recognizes netpbm's format for any number of channels.
func IsPAM(head []byte) bool {
	for _, start := range pamStart {
		if bytes.HasPrefix(head, start) {
			return true
		}
	}
	return false
}

// ParsePAM reads a header that IsPAM has recognized. One channel is grey, two are grey and opacity, three are RGB, four
// RGB and opacity; other kinds of pictures are unsupported.
func ParsePAM(data []byte) (*Image, error) {
	header := map[string]int{}
	kind := ""
	at := 3
	for {
		end := bytes.IndexByte(data[at:min(len(data), at+1000)], '\n')
		if end < 0 {
			return nil, fault.ErrTruncated
		}
		line := bytes.TrimSpace(data[at : at+end])
		at += end + 1
		name, value, _ := bytes.Cut(line, []byte(" "))
		value = bytes.TrimSpace(value)
		switch string(name) {
		case "", "#":
		case "ENDHDR":
			return pamImage(data, at, header, kind)
		case "TUPLTYPE":
			kind = string(value)
		case "WIDTH", "HEIGHT", "DEPTH", "MAXVAL":
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil {
				return nil, fault.Corrupt("a header with the line %q", line)
			}
			header[string(name)] = int(n)
		default:
			if name[0] != '#' {
				return nil, fault.Corrupt("a header with the line %q", line)
			}
		}
	}
}

func pamImage(data []byte, at int, header map[string]int, kind string) (*Image, error) {
	m := &Image{Width: header["WIDTH"], Height: header["HEIGHT"], Channels: header["DEPTH"]}
	maxval := header["MAXVAL"]
	channels := map[string]int{"": m.Channels, "BLACKANDWHITE": 1, "GRAYSCALE": 1, "BLACKANDWHITE_ALPHA": 2, "GRAYSCALE_ALPHA": 2, "RGB": 3, "RGB_ALPHA": 4}
	switch {
	case maxval < 1 || maxval >= 1<<16:
		return nil, fault.Corrupt("a largest value of %d", maxval)
	case channels[kind] != m.Channels || m.Channels > 4:
		return nil, unsupported("a PAM of the type %q with %d channels", kind, m.Channels)
	case m.Channels < 1:
		return nil, fault.Corrupt("no channels")
	}
	p := pnmReader{data: data, at: at}
	p.packed(m, maxval)
	return m, nil
}
