package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// foreignTree are files of kinds that are not read, among a picture and what is none at all.
func foreignTree(jpg string) map[string]string {
	// DICOM that isn't an image: a list of files, by its class.
	dicom := strings.Repeat("\x00", 128) + "DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
	return map[string]string{
		"a.jpg": jpg, "b/icon.BPG": "BPG\xfb\x20\x00\x04\x04", "b/a.bpg": "BPG\xfb\x20\x00\x04\x04",
		"DICOMDIR": dicom, "x.jxr": "II\xbc\x01", "p.flif": "FLIF31\x03\x03", "b/x.pict": strings.Repeat("\x01\x02", 40), "unnamed-farbfeld": "farbfeld\x00\x00\x00\x00",
		"notes.txt": "P6 is not an image, BMP neither", "BMW.txt": "BMW makes cars, and more", "a.wav": "RIFF\x24\x00\x00\x00WAVEfmt ", "labels.csv": "a.jpg,cat\n", "data.json": "{}",
		"README.md": "# text", "empty.bpg": "", "text.blp": "to be fetched", ".hidden.bpg": "BPG\xfb",
	}
}

var (
	wantForeign = []string{"2 BPG b/a.bpg", "1 FLIF p.flif", "1 JPEG XR x.jxr", "1 PICT b/x.pict", "1 farbfeld unnamed-farbfeld"}
	wantSkipped = 9 // the texts, the sound, the list of files, and the two that are not what their names say
)

func checkOthers(t *testing.T, listing Listing, prefix string, wantSkipped int) {
	t.Helper()
	var got []string
	for _, f := range listing.Foreign {
		got = append(got, fmt.Sprintf("%d %s %s", f.Files, f.Format, strings.TrimPrefix(f.First, prefix)))
		if f.Remedy == "" || prefix != "" && !strings.HasPrefix(f.First, prefix) {
			t.Errorf("%+v", f)
		}
	}
	if !slices.Equal(got, wantForeign) {
		t.Errorf("foreign images are %q, want %q", got, wantForeign)
	}
	if listing.Skipped != wantSkipped {
		t.Errorf("%d files are skipped, want %d", listing.Skipped, wantSkipped)
	}
	if len(listing.Items) != 1 || len(listing.Failures) != 0 {
		t.Errorf("images are %q, failures %v", paths(listing.Items), listing.Failures)
	}
}

// TestOthers: in directories, archives and stores alike, pictures of other kinds are counted by
// kind, and nothing else is.
func TestOthers(t *testing.T) {
	files := foreignTree("\xff\xd8\xff and so on")
	t.Run("directory", func(t *testing.T) {
		root := tree(t, files)
		listing, err := List(context.Background(), []string{root}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkOthers(t, listing, "", wantSkipped)
	})
	t.Run("archive", func(t *testing.T) {
		var members []tarMember
		for name, content := range files {
			members = append(members, tarMember{name: name, content: content})
		}
		file := write(t, filepath.Join(t.TempDir(), "s.tar"), tarOf(t, members...))
		listing, err := List(context.Background(), []string{file}, nil, OpenTar)
		if err != nil {
			t.Fatal(err)
		}
		checkOthers(t, listing, "s.tar/", wantSkipped)
	})
	t.Run("store", func(t *testing.T) {
		s := &fakeStore{files: map[string][]byte{}}
		for name, content := range files {
			s.files[name] = []byte(content)
		}
		checkOthers(t, s.list(t, nil), "", wantSkipped)
	})
	t.Run("nothing else", func(t *testing.T) {
		delete(files, "a.jpg")
		_, err := List(context.Background(), []string{tree(t, files)}, nil)
		if err == nil || !strings.Contains(err.Error(), "2 of BPG, the first is") || !strings.Contains(err.Error(), "convert it to JPEG or PNG") {
			t.Errorf("error is %v", err)
		}
	})
}

// TestOthersUnreadable: what cannot be opened counts by its name.
func TestOthersUnreadable(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": "", "x.bpg": "BPG\xfb"})
	if err := os.Chmod(filepath.Join(root, "x.bpg"), 0); err != nil {
		t.Fatal(err)
	}
	listing, err := List(context.Background(), []string{root}, nil)
	if err != nil || len(listing.Foreign) != 1 || listing.Foreign[0].Format != "BPG" {
		t.Errorf("foreign images are %+v (%v)", listing.Foreign, err)
	}
}
