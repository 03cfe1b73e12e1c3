package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"fovea/picture"
)

// photoExtensions mark files as photographs that are not decoded, without opening them, so that each of them is reported
// instead of only counted.
var photoExtensions = map[string]bool{
	".cr2": true, ".cr3": true, ".nef": true, ".arw": true, ".dng": true,
}

// Others are files that do not count as images.
type Others struct {
	// Skipped is the number of files that are not images, neither by name nor by content.
	Skipped int
	// Foreign are images in formats that are not decoded, the most common first. It does not
	// include files named as photographs: those become failures.
	Foreign []ForeignFiles
}

// ForeignFiles are the images in one format that is not decoded.
type ForeignFiles struct {
	// Format names the format, Remedy says what to do about it.
	Format string `json:"format"`
	Remedy string `json:"remedy"`
	Files  int    `json:"files"`
	// First is the path of one of them.
	First string `json:"first"`
}

func (f ForeignFiles) String() string {
	return fmt.Sprintf("%d of %s, the first is %q: %s", f.Files, f.Format, f.First, f.Remedy)
}

// pass counts a file that will not be read.
func (o *Others) pass(path string, v verdict) {
	if v.foreign.Name == "" {
		o.Skipped++
		return
	}
	o.addForeign(ForeignFiles{v.foreign.Name, v.foreign.Remedy, 1, path})
}

func (o *Others) addForeign(f ForeignFiles) {
	i := slices.IndexFunc(o.Foreign, func(known ForeignFiles) bool { return known.Format == f.Format })
	if i < 0 {
		o.Foreign = append(o.Foreign, f)
		return
	}
	o.Foreign[i].Files += f.Files
	o.Foreign[i].First = min(o.Foreign[i].First, f.First)
}

// add counts the files of a source, whose paths begin with prefix.
func (o *Others) add(prefix string, more Others) {
	o.Skipped += more.Skipped
	for _, f := range more.Foreign {
		f.First = prefix + f.First
		o.addForeign(f)
	}
}

// sort puts the most common format first.
func (o *Others) sort() {
	slices.SortFunc(o.Foreign, func(a, b ForeignFiles) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.Format, b.Format))
	})
}

// verdict says what a file is to the pipeline: an image to read, one in a foreign format, or
// neither.
type verdict struct {
	picture bool
	foreign picture.Foreign
}

// judge decides by a file's name and its first bytes, nil if they cannot be read.
func judge(name string, head []byte) verdict {
	if hasPictureExtension(name) || picture.Decodes(name, head) {
		return verdict{picture: true}
	}
	foreign, _ := picture.RecognizeForeign(name, head)
	return verdict{foreign: foreign}
}

func hasPictureExtension(name string) bool {
	return photoExtensions[strings.ToLower(path.Ext(name))] || picture.Decodes(name, nil)
}

// judge decides by the file's name or, failing that, by its first bytes. An error is a StoreError.
func (i Item) judge(ctx context.Context) (verdict, error) {
	if hasPictureExtension(i.File) {
		return verdict{picture: true}, nil
	}
	if i.stored != nil && i.stored.file.Size == 0 {
		return verdict{}, nil
	}
	f, err := i.open(ctx)
	if err != nil {
		return judge(i.Path, nil), asStoreError(err)
	}
	defer f.Close() // read-only
	head := make([]byte, picture.HeadBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return judge(i.Path, nil), asStoreError(err)
	}
	return judge(i.Path, head[:n]), nil
}
