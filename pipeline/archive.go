package pipeline

import (
	"io"
	"path"
	"strings"

	"fovea/picture"
)

// OpenArchive is the Opener of archives: OpenTar and OpenZip.
func OpenArchive(file string, open OpenFunc) (Source, error) {
	if source, err := OpenTar(file, open); source != nil || err != nil {
		return source, err
	}
	return OpenZip(file, open)
}

// maxClassBytes bounds a member that contains a label.
const maxClassBytes = 1024

// member is an entry of an archive.
type member struct {
	// name is its path below the archive, empty for the archive itself.
	name string
	// index is its position in the archive.
	index int
	size  int64
	// It is one of these, or something else, such as a device.
	file, link, folder bool
	// open starts reading a file; what it returns is valid until the next member, and closed if it can be.
	open func() (io.Reader, error)
}

// members are the images in an archive and their labels.
type members struct {
	pictures []Item
	others   Others
	// sample is the key of the consecutive members being read, whose images begin at start; label
	// is their label.
	sample struct {
		key, label string
		start      int
	}
	// labels are the labels of all keys, for archives whose members are in another order.
	labels map[string]string
}

// add takes the next member. An error is one of reading it.
func (s *members) add(m member) error {
	if m.name == "" || m.folder || hidden(m.name) {
		return nil
	}
	key, extension := sampleKey(m.name)
	if key != s.sample.key {
		s.sample.key, s.sample.label, s.sample.start = key, "", len(s.pictures)
	}
	if extension == "cls" && m.file && m.size <= maxClassBytes {
		return s.class(m)
	}
	v, err := m.judge()
	if v.picture {
		s.pictures = append(s.pictures, Item{Path: m.name, Index: m.index, Label: s.sample.label})
	} else {
		s.others.pass(m.name, v)
	}
	return err
}

// class reads a member that contains the label of its sample.
func (s *members) class(m member) error {
	text, err := m.begin(maxClassBytes)
	if err != nil {
		return err
	}
	s.sample.label = strings.TrimSpace(string(text))
	for i := s.sample.start; i < len(s.pictures); i++ {
		s.pictures[i].Label = s.sample.label
	}
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	s.labels[s.sample.key] = s.sample.label
	return nil
}

// begin reads as many bytes, or all.
func (m member) begin(most int64) ([]byte, error) {
	r, err := m.open()
	if err != nil {
		return nil, err
	}
	if closer, ok := r.(io.Closer); ok {
		defer closer.Close() // opened for reading
	}
	text, err := io.ReadAll(io.LimitReader(r, min(most, m.size)))
	if err == nil && int64(len(text)) < min(most, m.size) {
		err = io.ErrUnexpectedEOF
	}
	return text, err
}

// labeled are the images, with labels found elsewhere in the archive. Where a member labels one image, those without
// such a member, or with an empty one, have no label: their directory, such as train, would be a class among others.
func (s *members) labeled() []Item {
	labelled := false
	for i := range s.pictures {
		item := &s.pictures[i]
		key, _ := sampleKey(item.Path)
		label, known := s.labels[key]
		labelled = labelled || known
		if item.Label == "" {
			item.Label = label
		}
	}
	for i := range s.pictures {
		s.pictures[i].Labelled = labelled
	}
	return s.pictures
}

// judge treats members like files. A link counts by its name, so that it is reported instead of
// skipped.
func (m member) judge() (verdict, error) {
	switch {
	case hasPictureExtension(m.name) && (m.link || m.file):
		return verdict{picture: true}, nil
	case m.link:
		return judge(m.name, nil), nil
	case !m.file || m.size == 0:
		return verdict{}, nil
	}
	head, err := m.begin(picture.HeadBytes)
	if err != nil {
		return verdict{}, err
	}
	return judge(m.name, head), nil
}

// hidden reports whether a part of a path begins with a dot.
func hidden(name string) bool { return name[0] == '.' || strings.Contains(name, "/.") }

// sampleKey splits a path at the first dot of the file name.
func sampleKey(name string) (key, extension string) {
	dir, base := path.Split(name)
	base, extension, _ = strings.Cut(base, ".")
	return dir + base, extension
}

// inArchive is a member's path below its archive; ".." leads nowhere.
func inArchive(name string) string { return path.Clean("/" + name)[1:] }
