package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"fovea/internal/s3test"
	"fovea/objects"
)

// TestOddNames reads objects that other programs have put under all kinds of names.
func TestOddNames(t *testing.T) {
	server := s3test.Start(t)
	names := []string{"__0x41__.jpg", "__0x23__", "../up.jpg", "a/../b.jpg", "..//c", "/begins.jpg", "two//slashes", "100%.jpg", "a%20b", "a?b#c&d=e", "back\\slash", "\u00e9", "e\u0301", "日本", " ", "x ", ".", "..", "nul\U0010ffff"}
	for c := rune(' '); c < 0x7f; c++ {
		names = append(names, "a"+string(c)+"b")
	}
	names = append(names, "tab\tx", "line\nx")
	for _, folder := range []string{"plain", "a#b", "100%", "q?x=y", "__0x41__", "up/../x", "/two", "c:\\d"} {
		for _, name := range names {
			server.Put(t, folder+"/"+name, []byte(folder+name))
		}
		escaped := strings.NewReplacer("%", "%25", "?", "%3F").Replace(folder)
		f := open(t, server.URL(escaped))
		found := list(t, f)
		if len(found) != len(names) {
			t.Errorf("%s: %d objects are listed, want %d", folder, len(found), len(names))
		}
		for _, name := range names {
			o, ok := found[name]
			if all, err := io.ReadAll(f.Open(context.Background(), o)); !ok || err != nil || string(all) != folder+name || o.URL != f.String()+"/"+name {
				t.Errorf("%s/%q is read as %q of %+v, %v", folder, name, all, o, err)
			}
		}
		// By its own URL, too.
		server.Put(t, folder+"?", []byte("single"))
		single := list(t, open(t, server.URL(escaped+"%3F")))
		if len(single) != 1 {
			t.Errorf("%s? by itself: %v", folder, single)
		}
		for _, o := range single {
			if o.Size != 6 {
				t.Errorf("%s? by itself: %+v", folder, o)
			}
		}
	}
	f := open(t, server.URL("../out"))
	if err := f.Put(context.Background(), "x", strings.NewReader("x"), 1); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("writing to a name that would become another one gives %v", err)
	}
}

// TestFragments keeps what follows a # in a URL.
func TestFragments(t *testing.T) {
	server := s3test.Start(t)
	server.Put(t, "run/x", []byte("of run"))
	server.Put(t, "run#2/x", []byte("of run#2"))
	for _, name := range []string{"run#2", "run%232", "run#2/"} {
		f := open(t, server.URL(name)) // with the address of the server behind it
		if all, err := f.Get(context.Background(), "x"); err != nil || string(all) != "of run#2" || f.String() != "s3://bucket/run#2" {
			t.Errorf("%s is %s with %q, %v", name, f, all, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, same := range [][]string{
		{"s3://b/x", "s3://b/x/", "S3://b/x", "s3://b/%78", "s3://b/x?"},
		{"s3://b", "s3://b/"},
		{"s3://b/x?endpoint=http%3A%2F%2Fh%3A1&region=r", "s3://b/x/?region=r&endpoint=http://h:1"},
		{"s3://b/x#2", "s3://b/x%232", "s3://b/x%232/"},
		{"s3://b/a b", "s3://b/a%20b"},
		{"photos/"}, {"file:///x/"}, {"s3://b/x%zz/"},
	} {
		for _, name := range same {
			if got := objects.Canonical(name); got != objects.Canonical(same[0]) {
				t.Errorf("%s is %s, %s is %s", name, got, same[0], objects.Canonical(same[0]))
			}
		}
	}
	for _, others := range [][2]string{{"s3://b/x", "s3://b/X"}, {"s3://b/x", "s3://b/x//"}, {"s3://b/x", "s3://b//x"}, {"s3://b/x", "s3://b/x#"}, {"s3://b/x", "s3://b/x?region=r"}, {"s3://b/a%2Fb", "s3://b/a%252Fb"}} {
		if objects.Canonical(others[0]) == objects.Canonical(others[1]) {
			t.Errorf("%s and %s are the same", others[0], others[1])
		}
	}
	for _, name := range []string{"s3://b/50%", "s3://b/%zz"} {
		if _, err := objects.Open(context.Background(), name); err == nil || !strings.Contains(err.Error(), "write %25 for a %") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

// TestCredentials refuses URLs with credentials, and shows none of them.
func TestCredentials(t *testing.T) {
	for _, name := range []string{
		"s3://key:marker@b/x", "s3://key:mar/marker@b/x", "s3://marker@b/50%", "s3://key:123/marker@b", "gs://key:marker?marker@b/x", "azblob://key:%zzmarker@b", "s3://key:marker",
		"s3://b/x?endpoint=http://key:marker@h:1", "s3://b/x?endpoint=http%3A%2F%2Fkey%3Amarker%40h", "azblob://b/x?domain=key:marker@h", "mem://key:marker@b",
	} {
		_, err := objects.Open(context.Background(), name)
		if !errors.Is(err, objects.ErrCredentials) || strings.Contains(err.Error(), "mar") || !strings.Contains(err.Error(), "://") {
			t.Errorf("%s gives %v", name, err)
		}
	}
	for _, name := range []string{"s3:/key:marker@b/x", "file:///x?marker", "file://marker@h/x", "file://%zz?marker", "https://marker@h/x?sig=marker", "ftp://key:mar/marker@h"} {
		for what, path := range map[string]func(string) (string, error){"LocalPath": objects.LocalPath, "OnlyLocalPath": objects.OnlyLocalPath} {
			if got, err := path(name); err == nil || strings.Contains(err.Error(), "mar") {
				t.Errorf("%s(%q) is %q, %v", what, name, got, err)
			}
		}
	}
	if _, err := objects.LocalPath("https://h/x"); !errors.Is(err, objects.ErrScheme) {
		t.Errorf("a URL of a web server gives %v", err)
	}
}

// TestMarkers passes over objects that stand for folders.
func TestMarkers(t *testing.T) {
	server := s3test.Start(t)
	for _, name := range []string{"pictures/", "pictures/cats/", "pictures/cats_$folder$", "pictures/dogs/", "single.jpg/"} {
		server.Put(t, name, nil)
	}
	server.Put(t, "pictures/cats/x.jpg", []byte("picture"))
	server.Put(t, "pictures/full_$folder$", []byte("not empty"))
	server.Put(t, "single.jpg", []byte("picture"))
	for name, want := range map[string][]string{"pictures": {"cats/x.jpg", "full_$folder$"}, "pictures/cats/": {"x.jpg"}, "pictures/dogs": nil, "single.jpg": {"single.jpg"}} {
		found := list(t, open(t, server.URL(name)))
		if len(found) != len(want) {
			t.Errorf("%s: %v", name, found)
		}
		for _, name := range want {
			if _, ok := found[name]; !ok {
				t.Errorf("%s is not listed: %v", name, found)
			}
		}
	}
}

// TestReplacedWhileRead puts another object in the place of one that is read, of the same size.
func TestReplacedWhileRead(t *testing.T) {
	for _, kind := range []string{"s3", "s3 without conditions", "mem"} {
		name := "mem://replaced"
		if kind != "mem" {
			server := s3test.Start(t)
			if name = server.URL("replaced"); kind != "s3" {
				server.PassOverConditions()
			}
		}
		f, first := open(t, name), noise(9<<20)
		second := bytes.Clone(first)
		for i := range second {
			second[i] ^= 0xff
		}
		put(t, f, "x", first)
		file := f.Open(context.Background(), list(t, f)["x"])
		part := make([]byte, 100)
		if _, err := file.ReadAt(part, 5<<20); err != nil || !bytes.Equal(part, first[5<<20:5<<20+100]) {
			t.Fatal(err)
		}
		put(t, f, "x", second)
		all, err := io.ReadAll(file)
		if !errors.Is(err, objects.ErrChanged) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it was replaced while it was read") {
			t.Errorf("%s: %d bytes are read, %v", kind, len(all), err)
		}
		if !bytes.Equal(all, first[:len(all)]) {
			t.Errorf("%s: what is read is of the second object", kind)
		}
		for _, size := range []int{0, 100, 10 << 20} {
			put(t, f, "x", noise(9<<20))
			file := f.Open(context.Background(), list(t, f)["x"])
			put(t, f, "x", noise(size))
			if _, err := file.ReadAt(part, 5<<20); !errors.Is(err, objects.ErrChanged) || !strings.Contains(err.Error(), "it has changed since it was listed") {
				t.Errorf("%s: an object that has %d bytes by now gives %v", kind, size, err)
			}
		}
	}
}

// TestConditions writes and deletes what is still what it was, and nothing else.
func TestConditions(t *testing.T) {
	for _, kind := range []string{"s3", "mem"} {
		name := "mem://conditions"
		if kind == "s3" {
			name = s3test.Start(t).URL("conditions")
		}
		ctx, f := context.Background(), open(t, name)
		putIf := func(content string, s objects.State) error {
			return f.PutIf(ctx, "x", strings.NewReader(content), int64(len(content)), s)
		}
		check := func(what string, err error, changed bool, want string) {
			t.Helper()
			content, _, _ := f.GetState(ctx, "x")
			if errors.Is(err, objects.ErrChanged) != changed || !changed && err != nil || string(content) != want {
				t.Errorf("%s, %s: %v, and %q is there, want %q", kind, what, err, content, want)
			}
		}
		check("create", putIf("first", objects.State{}), false, "first")
		check("create anew", putIf("second", objects.State{}), true, "first")
		_, read, err := f.GetState(ctx, "x")
		if err != nil || !read.Exists {
			t.Fatal(err)
		}
		check("replace", putIf("second", read), false, "second")
		check("replace what is no more", putIf("third", read), true, "second")
		check("delete what is no more", f.DeleteIf(ctx, "x", read), true, "second")
		listed := list(t, f)["x"].State()
		check("replace as listed", putIf("third", listed), false, "third")
		asked, err := f.State(ctx, "x")
		check("delete", errors.Join(err, f.DeleteIf(ctx, "x", asked)), false, "")
		check("replace what is gone", putIf("fourth", asked), true, "")
		check("delete nothing", f.DeleteIf(ctx, "x", objects.State{}), false, "")
		if s, err := f.State(ctx, "x"); err != nil || s.Exists {
			t.Errorf("%s: what is gone is %+v, %v", kind, s, err)
		}
	}
}

// A URL with too few slashes is not taken for a directory.
func TestMisspeltURL(t *testing.T) {
	for name, want := range map[string]string{"s3:/bucket/x": "s3://bucket/x", "GS:/b": "GS://b", "file:/a/b": "file:///a/b", "mem:/x": "mem://x"} {
		if _, err := objects.LocalPath(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want an error with %q", name, err, want)
		}
	}
	for _, name := range []string{"./s3:/bucket", "s3:", "s3:x", "dir/s3:/x", "c:/x"} {
		if path, err := objects.LocalPath(name); err != nil || path != name {
			t.Errorf("%q is %q, %v", name, path, err)
		}
	}
}
