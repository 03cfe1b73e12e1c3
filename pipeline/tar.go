package pipeline

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/text"
)

// OpenTar is the Opener of tar archives, plain or compressed with gzip: files named .tar, .tar.gz or
// .tgz. Members count as images as files in a directory do. As in WebDataset, the label of an image
// is the content of the member with the same name up to its first dot and the extension cls.
//
// Listing a plain archive reads only the headers of its members.
func OpenTar(file string, open OpenFunc) (Source, error) {
	name := strings.ToLower(file)
	if slices.ContainsFunc([]string{".tar", ".tar.gz", ".tgz"}, func(s string) bool { return strings.HasSuffix(name, s) }) {
		return &tarSource{open: open}, nil
	}
	for _, c := range otherTars {
		if strings.HasSuffix(name, c.name) {
			return nil, c.refusal()
		}
	}
	return nil, nil
}

// compression is an unsupported compression.
type compression struct {
	name, magic, by, remedy string
}

func (c compression) refusal() error {
	return fmt.Errorf("archives compressed with %s are not supported, only gzip and .zip are: unpack it first (%s)", c.by, c.remedy)
}

var otherTars = []compression{
	{".tar.zst", "\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
	{".tar.xz", "\xfd7zXZ\x00", "xz", "xz -d"},
	{".tar.bz2", "BZh", "bzip2", "bzip2 -d"},
}

// tarBlock is the size of an archive's blocks in bytes.
const tarBlock = 512

type tarSource struct{ open OpenFunc }

// tarFile reads the members of an archive one after another.
type tarFile struct {
	*tar.Reader
	file File
	// content is what the Reader reads from.
	content zeroCounter
	// members is the number of headers read.
	members int
}

func openTar(ctx context.Context, f File) (*tarFile, error) {
	t := &tarFile{file: f}
	if err := t.begin(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.Reader = tar.NewReader(&t.content)
	return t, nil
}

// begin detects the compression by content.
func (t *tarFile) begin(ctx context.Context) error {
	plain := interruptible{ctx, t.file}
	head := make([]byte, 6)
	n, err := io.ReadFull(plain, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return cause(err)
	}
	if n == 0 {
		return errors.New("the archive is empty")
	}
	if _, err := plain.Seek(0, io.SeekStart); err != nil {
		return cause(err)
	}
	for _, c := range otherTars {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.refusal()
		}
	}
	t.content = zeroCounter{Reader: plain, seeker: plain}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(plain, 64<<10))
		if err != nil {
			return damagedTar(0, err)
		}
		t.content = zeroCounter{Reader: unpacked}
	}
	return nil
}

// zeroCounter counts the trailing zeros of what was read.
type zeroCounter struct {
	io.Reader
	seeker io.Seeker // nil for what cannot be skipped
	zeros  int
}

func (z *zeroCounter) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	if rest := len(bytes.TrimRight(p[:n], "\x00")); rest > 0 {
		z.zeros = n - rest
	} else {
		z.zeros += n
	}
	return n, err
}

// Seek is how tar.Reader skips members.
func (z *zeroCounter) Seek(offset int64, whence int) (int64, error) {
	if z.seeker == nil {
		return 0, errors.ErrUnsupported
	}
	if offset != 0 || whence != io.SeekCurrent {
		z.zeros = 0
	}
	return z.seeker.Seek(offset, whence)
}

// next returns the next member, named by its path below the archive, or io.EOF.
func (t *tarFile) next() (header *tar.Header, name string, err error) {
	if header, err = t.Next(); err != nil {
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = damagedTar(t.members, err)
		}
		return nil, "", err
	}
	t.members++
	return header, inArchive(header.Name), nil
}

// rest checks the end: at least one block of zeros, which is missing if the archive was cut off
// between two members, and nothing but zeros after it, unless archives were concatenated.
func (t *tarFile) rest() error {
	if t.content.zeros < tarBlock {
		return damagedTar(t.members, errors.New("it has no end"))
	}
	block := make([]byte, 32<<10)
	for {
		n, err := t.content.Read(block)
		if len(bytes.Trim(block[:n], "\x00")) > 0 {
			return fmt.Errorf("the archive continues after its end, which follows %s: if several were concatenated, give them one by one", text.Plural(t.members, "member"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return damagedTar(t.members, err)
		}
	}
}

func damagedTar(members int, err error) error {
	return fmt.Errorf("the archive is damaged after %s: %w: copy or download it again", text.Plural(members, "member"), cause(err))
}

// interruptible is a file whose reading ends when the context is done.
type interruptible struct {
	ctx  context.Context
	file File
}

func (i interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.file.Read(p)
}

func (i interruptible) Seek(offset int64, whence int) (int64, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.file.Seek(offset, whence)
}

// List implements Source.
func (s *tarSource) List(ctx context.Context, visit func(Item) error) (others Others, err error) {
	f, err := s.open(ctx)
	if err != nil {
		return Others{}, err
	}
	t, err := openTar(ctx, f)
	if err != nil {
		return Others{}, err
	}
	defer t.file.Close() // read-only
	var m members
	for err == nil {
		err = t.addTo(&m)
	}
	if err == io.EOF { // damage wraps it
		err = t.rest()
	}
	for _, item := range m.labeled() {
		if err := visit(item); err != nil {
			return m.others, err
		}
	}
	return m.others, err
}

// addTo adds the next member.
func (t *tarFile) addTo(m *members) error {
	header, name, err := t.next()
	if err != nil || header.Typeflag == tar.TypeXGlobalHeader {
		return err
	}
	found := member{
		name: name, index: t.members - 1, size: header.Size,
		link:   header.Typeflag == tar.TypeLink || header.Typeflag == tar.TypeSymlink,
		folder: header.Typeflag == tar.TypeDir,
		open:   func() (io.Reader, error) { return t, nil },
	}
	found.file = !found.link && !found.folder && isTarFile(header)
	if err := m.add(found); err != nil {
		return damagedTar(t.members, err)
	}
	return nil
}

func isTarFile(header *tar.Header) bool {
	return header.Typeflag == tar.TypeReg || header.Typeflag == tar.TypeCont || header.Typeflag == tar.TypeGNUSparse
}

// Open implements Source.
func (s *tarSource) Open(ctx context.Context, file File) (Contents, error) {
	t, err := openTar(ctx, file)
	if err != nil {
		return nil, err
	}
	return &tarContents{tarFile: t}, nil
}

type tarContents struct {
	*tarFile
	err error // the end of the archive, for all further images
}

// Picture implements Contents.
func (c *tarContents) Picture(item Item) (io.Reader, int64, error) {
	if c.err != nil {
		return nil, 0, c.err
	}
	for {
		header, name, err := c.next()
		if err == io.EOF { // damage wraps it
			err = errors.New("the archive has changed: this member has disappeared")
		}
		if err != nil {
			c.err = err
			return nil, 0, err
		}
		if c.members-1 < item.Index {
			continue
		}
		switch {
		case c.members-1 > item.Index || item.name() != item.within+"/"+name:
			return nil, 0, errors.New("the archive has changed: another member is in the place of this one")
		case header.Typeflag == tar.TypeLink || header.Typeflag == tar.TypeSymlink:
			return nil, 0, fmt.Errorf("a link to %q: pack the archive with tar --dereference --hard-dereference", header.Linkname)
		}
		return c.Reader, header.Size, nil
	}
}

// Close implements Contents.
func (c *tarContents) Close() error { return c.file.Close() }
