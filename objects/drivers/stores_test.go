//go:build !nocloud

package drivers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fovea/objects"
	_ "fovea/objects/drivers"
)

// server is a little of a provider's store, as far as the dialect is looked at here.
type server interface {
	url(name string) string
	put(key string, content []byte)
	get(key string) ([]byte, bool)
}

func servers(t *testing.T) map[string]server {
	t.Helper()
	return map[string]server{"azblob": newAzure(t), "gs": newGoogle(t)}
}

func open(t *testing.T, name string) *objects.Folder {
	t.Helper()
	f, err := objects.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func list(t *testing.T, f *objects.Folder) map[string]objects.Object {
	t.Helper()
	found := map[string]objects.Object{}
	if err := f.List(context.Background(), func(o objects.Object) error { found[o.Name] = o; return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestNames reads objects under names that the drivers escape, which other programs do not.
func TestNames(t *testing.T) {
	for scheme, s := range servers(t) {
		names := []string{"plain.jpg", "a#b.jpg", "100%.jpg", "a?b", `say "x"`, `back\slash`, "up/../x", "__0x23__.jpg", "a b", "é", "deep/er/x"}
		for _, name := range names {
			s.put("odd#1/"+name, []byte("it is "+name))
		}
		s.put("odd#1/", nil)
		s.put("odd#1/deep/", nil)
		f := open(t, s.url("odd#1"))
		found := list(t, f)
		if len(found) != len(names) {
			t.Errorf("%s lists %d objects, want %d: %v", scheme, len(found), len(names), found)
		}
		for _, name := range names {
			all, err := io.ReadAll(f.Open(context.Background(), found[name]))
			if err != nil || string(all) != "it is "+name {
				t.Errorf("%s: %q is read as %q, %v", scheme, name, all, err)
			}
			escaped := strings.NewReplacer("%", "%25", "?", "%3F").Replace("odd#1/" + name)
			for _, o := range list(t, open(t, s.url(escaped))) {
				if o.Size != int64(len("it is "+name)) {
					t.Errorf("%s: %q by itself is %+v", scheme, name, o)
				}
			}
		}
	}
}

// TestConditions replaces, reads and deletes what is still what it was, and nothing else.
func TestConditions(t *testing.T) {
	for scheme, s := range servers(t) {
		ctx, f := context.Background(), open(t, s.url("set"))
		putIf := func(content string, state objects.State) error {
			return f.PutIf(ctx, "x", strings.NewReader(content), int64(len(content)), state)
		}
		check := func(what string, err error, changed bool, want string) {
			t.Helper()
			content, _ := s.get("set/x")
			if errors.Is(err, objects.ErrChanged) != changed || !changed && err != nil || string(content) != want {
				t.Errorf("%s, %s: %v, and %q is there, want %q", scheme, what, err, content, want)
			}
		}
		check("create", putIf("first", objects.State{}), false, "first")
		check("create anew", putIf("second", objects.State{}), true, "first")
		_, read, err := f.GetState(ctx, "x")
		check("replace", errors.Join(err, putIf("second", read)), false, "second")
		check("replace what is no more", putIf("third", read), true, "second")
		check("delete what is no more", f.DeleteIf(ctx, "x", read), true, "second")
		check("replace as listed", putIf("third", list(t, f)["x"].State()), false, "third")
		asked, err := f.State(ctx, "x")
		check("delete", errors.Join(err, f.DeleteIf(ctx, "x", asked)), false, "")
		check("replace what is gone", putIf("fourth", asked), true, "")
		check("delete what is gone", f.Delete(ctx, "x"), false, "")
		if state, err := f.State(ctx, "x"); err != nil || state.Exists {
			t.Errorf("%s: what is gone is %+v, %v", scheme, state, err)
		}
	}
}

// TestReplacedWhileRead puts another object in the place of one that is read.
func TestReplacedWhileRead(t *testing.T) {
	content := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	for scheme, s := range servers(t) {
		s.put("x/y", content)
		file := open(t, s.url("x")).Open(context.Background(), list(t, open(t, s.url("x")))["y"])
		part := make([]byte, 100)
		if _, err := file.ReadAt(part, 5<<20); err != nil || !bytes.Equal(part, content[5<<20:5<<20+100]) {
			t.Fatalf("%s: %v", scheme, err)
		}
		other := bytes.Clone(content)
		other[0]++
		s.put("x/y", other)
		if _, err := file.ReadAt(part, 0); !errors.Is(err, objects.ErrChanged) || !strings.Contains(err.Error(), "replaced while it was read") {
			t.Errorf("%s gives %v", scheme, err)
		}
	}
}

// TestUnresolved asks hosts that do not exist, by names that no resolver looks up. Nothing follows about objects.
func TestUnresolved(t *testing.T) {
	former := objects.DefaultPatience
	objects.DefaultPatience = objects.Patience{Answer: time.Minute}
	defer func() { objects.DefaultPatience = former }()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"STORAGE_EMULATOR_HOST": "store..invalid:1",
	} {
		t.Setenv(name, value)
	}
	for address, want := range map[string]string{
		"azblob://box/x?storage_account=account&protocol=http&domain=store..invalid": "the host account.store..invalid cannot be resolved: check AZURE_STORAGE_ACCOUNT",
		"s3://box/x?region=r&use_path_style=true&endpoint=http://store..invalid":     "the host store..invalid cannot be resolved: check the region, AWS_ENDPOINT_URL",
		"gs://box/x?anonymous=true": "the host store..invalid cannot be resolved: check STORAGE_EMULATOR_HOST",
	} {
		state, err := open(t, address).State(context.Background(), "y")
		if err == nil || errors.Is(err, fs.ErrNotExist) || state.Exists || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", address, state, err)
		}
	}
	// A proxy that says so.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "dial tcp: lookup store.invalid: no such host", http.StatusBadRequest)
	}))
	defer server.Close()
	f := open(t, "azblob://box/x?storage_account=account&protocol=http&localemu=true&domain="+strings.TrimPrefix(server.URL, "http://"))
	if err := f.List(context.Background(), func(objects.Object) error { return nil }); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "cannot be resolved") {
		t.Errorf("by a proxy: %v", err)
	}
}

// Without a region S3 is refused at once, not after all attempts.
func TestRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := objects.Open(context.Background(), "s3://bucket/x"); err == nil || !strings.Contains(err.Error(), "set AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		for _, wrong := range []string{"127.0.0.1:9000", "localhost:9000", "not a URL", "http://", "ftp://marker"} {
			t.Setenv(name, wrong)
			if _, err := objects.Open(context.Background(), "s3://bucket/x?region=eu-north-1"); err == nil || !strings.Contains(err.Error(), name+" is not the address of a server: set it to one such as http://127.0.0.1:9000") || strings.Contains(err.Error(), "marker") {
				t.Errorf("%s=%s: %v", name, wrong, err)
			}
		}
		t.Setenv(name, "")
	}
	if f, err := objects.Open(context.Background(), "s3://bucket/x?region=eu-north-1"); err != nil {
		t.Errorf("with a region in the URL: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
}
