package pipeline

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// zipMember is a member of a zip archive, deflated unless it has another method.
type zipMember struct {
	name, content string
	change        func(*zip.FileHeader)
}

func zipOf(t testing.TB, members ...zipMember) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zipZstandard, zstd.ZipCompressor())
	for _, m := range members {
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.change != nil {
			m.change(header)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func method(n uint16) func(*zip.FileHeader) { return func(h *zip.FileHeader) { h.Method = n } }

// Where members label images, as in WebDataset, the others have no label: their directories are not classes beside those.
func TestArchiveLabels(t *testing.T) {
	const jpg = "\xff\xd8\xff and so on"
	for name, test := range map[string]struct{ members, want []string }{
		"directories":            {[]string{"a/1.jpg", "b/2.jpg", "3.jpg"}, []string{"a/1.jpg=a", "b/2.jpg=b", "3.jpg="}},
		"members":                {[]string{"train/1.jpg", "train/1.cls=cat", "train/2.cls=dog\r\n", "train/2.jpg"}, []string{"train/1.jpg=cat", "train/2.jpg=dog"}},
		"some members":           {[]string{"train/1.jpg", "train/1.cls=cat", "train/2.jpg", "other/3.jpg"}, []string{"train/1.jpg=cat", "train/2.jpg=", "other/3.jpg="}},
		"empty members":          {[]string{"train/1.jpg", "train/1.cls=0", "train/2.jpg", "train/2.cls= \n"}, []string{"train/1.jpg=0", "train/2.jpg="}},
		"nothing but empty ones": {[]string{"train/1.jpg", "train/1.cls=", "train/2.jpg"}, []string{"train/1.jpg=", "train/2.jpg="}},
		"in another order":       {[]string{"train/1.cls=x", "train/2.jpg", "train/1.jpg"}, []string{"train/2.jpg=", "train/1.jpg=x"}},
		"of something else":      {[]string{"a/1.jpg", "a/Form1.cls=VERSION 1.0 CLASS"}, []string{"a/1.jpg=a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var inTar []tarMember
			var inZip []zipMember
			for _, m := range test.members {
				name, content, isLabel := strings.Cut(m, "=")
				if !isLabel {
					content = jpg
				}
				inTar, inZip = append(inTar, tarMember{name: name, content: content}), append(inZip, zipMember{name: name, content: content})
			}
			for file, data := range map[string][]byte{"x.tar": tarOf(t, inTar...), "x.zip": zipOf(t, inZip...)} {
				listing, err := List(t.Context(), []string{write(t, filepath.Join(t.TempDir(), file), data)}, directoryLabels{}, OpenArchive)
				noError(t, err)
				got := pathsAndLabels(listing.Items)
				for i := range got {
					got[i] = strings.TrimPrefix(got[i], file+"/")
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s: labels are %q, want %q", file, got, test.want)
				}
			}
		})
	}
}

func TestZipLists(t *testing.T) {
	const jpg = "\xff\xd8\xff and so on"
	root := t.TempDir()
	write(t, filepath.Join(root, "s.zip"), zipOf(t,
		zipMember{name: "b/"}, zipMember{name: "b/2.jpg", content: jpg},
		zipMember{name: "b/1.jpg", content: jpg, change: method(zip.Store)},
		zipMember{name: "a/x.jpg", content: jpg, change: method(zipZstandard)}, zipMember{name: "a/x.jpg", content: "other"},
		zipMember{name: "../../etc/y.png", content: jpg}, zipMember{name: `w\z.jpg`, content: jpg},
		zipMember{name: "a/no-extension", content: jpg}, zipMember{name: "a/notes", content: "a text of some length"},
		zipMember{name: "__MACOSX/b/._2.jpg", content: jpg}, zipMember{name: "a/.hidden.jpg", content: jpg},
		zipMember{name: "a/link.jpg", content: "x.jpg", change: func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }},
	))
	listing, err := List(context.Background(), []string{root}, LabelFunc(DirectoryLabel), OpenArchive)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"s.zip/b/2.jpg=b", "s.zip/b/1.jpg=b", "s.zip/a/x.jpg=a", "s.zip/a/x.jpg#2=a", "s.zip/etc/y.png=etc", "s.zip/w/z.jpg=w",
		"s.zip/a/no-extension=a", "s.zip/a/link.jpg=a",
	}
	if got := pathsAndLabels(listing.Items); !slices.Equal(got, want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
	if listing.Skipped != 1 || len(listing.Failures) > 0 {
		t.Errorf("%d skipped, failures %v", listing.Skipped, listing.Failures)
	}
}

// An image gives the same row in an archive as by itself, and a member that cannot be read costs itself alone.
func TestZipRuns(t *testing.T) {
	loose := greyPictures(t, 12, 7)
	alone := &memorySink{}
	if _, err := Run(context.Background(), loose, &meanExtractor{batch: 4}, alone, config(3)); err != nil {
		t.Fatal(err)
	}
	var members []zipMember
	for i, item := range loose {
		data, err := os.ReadFile(item.File)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, zipMember{item.Path, string(data), method([]uint16{zip.Store, zip.Deflate, zipZstandard}[i%3])})
	}
	members = append(members,
		zipMember{"y-locked.png", "x", func(h *zip.FileHeader) { h.Flags |= encrypted }},
		zipMember{"z-link.png", "x", func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }})
	data := zipOf(t, members...)
	file := write(t, filepath.Join(t.TempDir(), "a.zip"), data)
	listing, err := List(context.Background(), []string{file}, nil, OpenArchive)
	if err != nil {
		t.Fatal(err)
	}
	sink := &memorySink{}
	stats, err := Run(context.Background(), listing.Items, &meanExtractor{batch: 4}, sink, config(3))
	if err != nil || stats.Rows != 11 || stats.Failures != 3 {
		t.Fatalf("%+v, %v", stats, err)
	}
	for i, r := range sink.rows {
		want := alone.rows[i]
		if r.SHA256 != want.SHA256 || r.Features[0][0] != want.Features[0][0] || r.Path != "a.zip/"+want.Path {
			t.Errorf("row %d is %v, alone %v", i, r, want)
		}
	}
	for i, want := range []string{"damaged", "encrypted", "a link"} { // the first is the broken image
		if got := sink.failures[i].Reason; i > 0 && !strings.Contains(got, want) {
			t.Errorf("failure %d: %q, want %q", i, got, want)
		}
	}
}

// No changed byte of an image gets through: the archive's checksums are compared.
func TestZipFindsDamage(t *testing.T) {
	picture := string(greyPNG(t, 9))
	for name, compression := range map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate, "Zstandard": zipZstandard} {
		whole := zipOf(t, zipMember{"a.png", picture, method(compression)})
		body := bytes.Index(whole, []byte("a.png")) + len("a.png")
		for at := body; at < body+min(len(picture), 60); at += 3 {
			data := bytes.Clone(whole)
			data[at] ^= 0x10
			file := write(t, filepath.Join(t.TempDir(), "a.zip"), data)
			listing, err := List(context.Background(), []string{file}, nil, OpenArchive)
			if err != nil {
				t.Fatal(err)
			}
			var s sequence
			unchanged := false // as by some bits of compressed data
			err = s.read(context.Background(), listing.Items[0], func(r io.Reader, size int64) error {
				got, err := readContent(r, size)
				unchanged = err == nil && string(got) == picture
				return err
			})
			s.close()
			if !unchanged && (err == nil || !strings.Contains(err.Error(), "damaged")) {
				t.Errorf("%s, byte %d: %v", name, at, err)
			}
		}
	}
}

func TestZipRefuses(t *testing.T) {
	whole := zipOf(t, zipMember{name: "a.jpg", content: strings.Repeat("x", 2000)})
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "the archive is empty"},
		"text":      {[]byte("no archive at all"), "no directory at its end"},
		"truncated": {whole[:len(whole)-30], "copy or download it again"},
	} {
		file := write(t, filepath.Join(t.TempDir(), "x.zip"), test.data)
		if _, err := List(context.Background(), []string{file}, nil, OpenArchive); !errors.Is(err, ErrNoPictures) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for number, want := range zipMethods {
		z := &zipFile{}
		if _, err := z.content(&zip.File{FileHeader: zip.FileHeader{Method: number}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("method %d: %v", number, err)
		}
	}
}

// FuzzZip looks for archives that make the reader panic, or whose images are listed otherwise than they are read.
func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, zipMember{name: "a/1.jpg", content: "\xff\xd8\xff..."}, zipMember{name: "a/1.cls", content: "x"}))
	f.Add(zipOf(f, zipMember{name: "../b.png", content: "x", change: method(zip.Store)}, zipMember{name: "c", content: "\xff\xd8\xff", change: method(zipZstandard)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := write(t, filepath.Join(t.TempDir(), "a.zip"), data)
		listing, err := List(context.Background(), []string{file}, LabelFunc(DirectoryLabel), OpenArchive)
		if err != nil {
			return
		}
		var s sequence
		defer s.close()
		for _, item := range listing.Items {
			if strings.Contains("/"+item.Path+"/", "/../") || !strings.HasPrefix(item.Path, "a.zip/") {
				t.Errorf("the path is %q", item.Path)
			}
			_ = s.read(context.Background(), item, func(r io.Reader, size int64) error {
				_, err := readContent(r, size)
				return err
			})
		}
	})
}
