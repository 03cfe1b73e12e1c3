package heif

import (
	"fovea/picture/internal/boxes"

	"fovea/picture/internal/fault"
)

// mostNumbers bounds lists within a file.
const mostNumbers = 1 << 16

// each visits the boxes in another one, until visit says stop.
func each(data []byte, visit func(kind string, content []byte) (stop bool, err error)) error {
	for len(data) >= 8 {
		kind, content, rest, err := boxes.Split(data)
		if err != nil {
			return fault.Corrupt("the box %q is longer than the one around it, or shorter than its own head", kind)
		}
		if stop, err := visit(kind, content); stop || err != nil {
			return err
		}
		data = rest
	}
	return nil
}

// fields reads numbers one after another. Beyond the end they are 0, and short is set.
type fields struct {
	data  []byte
	short bool
}

// number reads one of so many bytes, up to 8.
func (f *fields) number(bytes int) (n uint64) {
	if bytes > len(f.data) {
		f.short, f.data = true, nil
		return 0
	}
	for _, b := range f.data[:bytes] {
		n = n<<8 | uint64(b)
	}
	f.data = f.data[bytes:]
	return n
}

func (f *fields) text(bytes int) string {
	if bytes > len(f.data) {
		f.short, f.data = true, nil
		return ""
	}
	s := string(f.data[:bytes])
	f.data = f.data[bytes:]
	return s
}

// full reads the version and flags that many boxes begin with.
func full(content []byte) (f *fields, version int, flags uint64) {
	f = &fields{data: content}
	version = int(f.number(1))
	return f, version, f.number(3)
}

// check is the error of a box that ends too early.
func (f *fields) check(kind string) error {
	if f.short {
		return fault.Corrupt("the box %q ends too early", kind)
	}
	return nil
}
