package inputs

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fovea/picture/frames"
)

// scan is a DICOM file of testdata/picture/dicom.tar.gz.
func scan(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("../testdata/picture/dicom.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unpacked); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == name {
			data, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
}

// TestFramesOfScans: scans are split by their content, whatever they are called; other files without an extension are
// what they were.
func TestFramesOfScans(t *testing.T) {
	root := t.TempDir()
	for name, data := range map[string][]byte{
		"a.dcm": scan(t, "rgb8-frames.dcm"), "IM0001": scan(t, "rgb8-frames.dcm"), "1.2.840.55": scan(t, "bits-frames.dcm"), "b": scan(t, "mono8.dcm"),
		"Makefile": []byte("all:\n"), "farbfeld": []byte("farbfeld\x00\x00\x00\x00"), "DICOMDIR": append(make([]byte, 128), "DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"...),
	} {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	every, err := frames.ParseSelection("every:2")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		wanted frames.Selection
		want   []string
	}{
		{frames.Selection{}, []string{"1.2.840.55", "IM0001", "a.dcm", "b"}},
		{every, []string{"1.2.840.55#1", "1.2.840.55#3", "IM0001#1", "IM0001#3", "a.dcm#1", "a.dcm#3", "b"}},
	} {
		listing, err := Options{Frames: test.wanted}.Finder().List(context.Background(), []string{root}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range listing.Items {
			got = append(got, item.Path)
		}
		if slices.Sort(got); !slices.Equal(got, test.want) || len(listing.Failures) > 0 || listing.Skipped != 2 || len(listing.Foreign) != 1 {
			t.Errorf("%s: %q, failures %v, %d skipped, %v", test.wanted, got, listing.Failures, listing.Skipped, listing.Foreign)
		}
	}
}
