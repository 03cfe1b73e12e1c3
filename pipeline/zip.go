package pipeline

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// OpenZip is the Opener of zip archives: files named .zip. Members count as in tar archives, labels
// in members of the extension cls, too.
//
// Listing an archive reads its directory, and of members without an image's extension the first bytes.
func OpenZip(file string, open OpenFunc) (Source, error) {
	if !strings.HasSuffix(strings.ToLower(file), ".zip") {
		return nil, nil
	}
	return &zipSource{open: open}, nil
}

type zipSource struct{ open OpenFunc }

// The methods of compression that are read; zip has no others that are common. encrypted is a flag.
const (
	zipZstandard = 93
	encrypted    = 1
)

// zipMethods names those that are not.
var zipMethods = map[uint16]string{1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 95: "xz", 98: "PPMd"}

// zipFile is an archive that is open for reading.
type zipFile struct {
	*zip.Reader
	file File
}

func openZip(ctx context.Context, f File) (*zipFile, error) {
	r, err := zip.NewReader(interruptibleAt{ctx, f}, f.Size())
	if err == nil || errors.Is(err, zip.ErrInsecurePath) { // ".." leads nowhere here
		r.RegisterDecompressor(zipZstandard, zstd.ZipDecompressor(zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderConcurrency(1)))
		return &zipFile{r, f}, nil
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case f.Size() == 0:
		err = errors.New("the archive is empty")
	case ofStore(err) == nil:
		err = fmt.Errorf("the archive is damaged, it has no directory at its end: %w: copy or download it again, whole and without parts (zip -s 0)", err)
	}
	return nil, errors.Join(err, f.Close())
}

// interruptibleAt is a file whose reading ends when the context is done.
type interruptibleAt struct {
	ctx  context.Context
	file File
}

func (i interruptibleAt) ReadAt(p []byte, at int64) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.file.ReadAt(p, at)
}

// List implements Source.
func (s *zipSource) List(ctx context.Context, visit func(Item) error) (Others, error) {
	f, err := s.open(ctx)
	if err != nil {
		return Others{}, err
	}
	z, err := openZip(ctx, f)
	if err != nil {
		return Others{}, err
	}
	defer z.file.Close() // read-only
	var found members
	for i := range z.File {
		if err = z.addTo(&found, i); err != nil {
			break
		}
	}
	for _, item := range found.labeled() {
		if err := visit(item); err != nil {
			return found.others, err
		}
	}
	return found.others, err
}

// addTo adds a member by its index. An error is one of the machine: a member that cannot be read is
// an image that will fail, or nothing.
func (z *zipFile) addTo(found *members, i int) error {
	f := z.File[i]
	m := member{name: zipName(f), index: i, size: zipSize(f), folder: f.Mode().IsDir(), file: f.Mode().IsRegular()}
	m.link = !m.file && !m.folder && f.Mode()&^0o7777 != 0
	m.open = func() (io.Reader, error) { return z.content(f) }
	err := found.add(m)
	if err == nil || ofStore(err) != nil || errors.Is(err, context.Canceled) {
		return err
	}
	found.others.pass(m.name, judge(m.name, nil))
	return nil
}

// zipName is a member's path below the archive. Some programs for Windows write backslashes.
func zipName(f *zip.File) string {
	const fat, ntfs, vfat = 0, 10, 14
	name := f.Name
	if by := f.CreatorVersion >> 8; by == fat || by == ntfs || by == vfat {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	return inArchive(name)
}

// zipSize is a member's size, at most that of any file.
func zipSize(f *zip.File) int64 { return int64(min(f.UncompressedSize64, 1<<62)) }

// content starts reading a member.
func (z *zipFile) content(f *zip.File) (io.ReadCloser, error) {
	if f.Flags&encrypted != 0 {
		return nil, errors.New("it is encrypted: unpack the archive first")
	}
	if name, known := zipMethods[f.Method]; known {
		return nil, fmt.Errorf("it is compressed by %s: only stored, Deflate and Zstandard are read: pack the archive again (zip), or unpack it", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, damagedMember(err)
	}
	return &zipContent{r, zipSize(f)}, nil
}

func damagedMember(err error) error {
	if ofStore(err) != nil {
		return err
	}
	return fmt.Errorf("the archive is damaged: %w: copy or download it again", err)
}

// zipContent reads a member of so many bytes and, with the last one, compares the checksum.
type zipContent struct {
	io.ReadCloser
	left int64
}

func (c *zipContent) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left <= 0 && err == nil {
		var more [1]byte
		if _, err = io.ReadFull(c.ReadCloser, more[:]); err == nil {
			err = errors.New("it is longer than the archive's directory says")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, damagedMember(err)
	}
	return n, err
}

// Open implements Source.
func (s *zipSource) Open(ctx context.Context, file File) (Contents, error) {
	z, err := openZip(ctx, file)
	if err != nil {
		return nil, err
	}
	return &zipContents{zipFile: z}, nil
}

type zipContents struct {
	*zipFile
	reading io.Closer
}

// Picture implements Contents.
func (c *zipContents) Picture(item Item) (io.Reader, int64, error) {
	c.finish()
	if item.Index >= len(c.File) || item.name() != item.within+"/"+zipName(c.File[item.Index]) {
		return nil, 0, errors.New("the archive has changed: another member is in the place of this one")
	}
	f := c.File[item.Index]
	if !f.Mode().IsRegular() {
		return nil, 0, errors.New("a link or another special file: pack the archive without --symlinks")
	}
	r, err := c.content(f)
	if err != nil {
		return nil, 0, err
	}
	c.reading = r
	return r, zipSize(f), nil
}

func (c *zipContents) finish() {
	if c.reading != nil {
		_ = c.reading.Close() // opened for reading
		c.reading = nil
	}
}

// Close implements Contents.
func (c *zipContents) Close() error {
	c.finish()
	return c.file.Close()
}
