package mapped_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/internal/mapped"
)

func block(size int) []byte {
	random := rand.NewChaCha8([32]byte{byte(size)})
	b := make([]byte, size)
	_, _ = random.Read(b)
	return b
}

// keep keeps a block as two processes do, one after the other.
func keep(t *testing.T, dir mapped.Dir, key string, b []byte) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux keeps blocks")
	}
	for range 2 {
		if found := dir.Find(key, len(b)); found != nil {
			t.Fatal("a block is there before it was kept")
		}
		if err := dir.Keep(key, b); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t *testing.T, dir mapped.Dir) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A block is there from the third time on, to the byte, whatever its size.
func TestKeep(t *testing.T) {
	for _, size := range []int{1, 4095, 4096, 4097, 3 << 20} {
		dir := mapped.Dir{Path: filepath.Join(t.TempDir(), "made", "here")}
		b := block(size)
		keep(t, dir, "key", b)
		if found := dir.Find("key", size); !bytes.Equal(found, b) {
			t.Errorf("%d bytes: found %d", size, len(found))
		}
		if err := dir.Keep("key", block(size+1)); err != nil || !bytes.Equal(dir.Find("key", size), b) {
			t.Errorf("%d bytes: a block that is there was replaced; %v", size, err)
		}
		if dir.Find("another", size) != nil {
			t.Error("a key that nobody kept has a block")
		}
	}
}

// What is damaged is not used, and goes away, so that it is written anew.
func TestDamage(t *testing.T) {
	const size = 100_000
	whole := func(change func(content []byte) []byte) func(string) error {
		return func(name string) error {
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			return os.WriteFile(name, change(content), 0o644)
		}
	}
	for name, damage := range map[string]func(string) error{
		"first byte":     whole(func(c []byte) []byte { c[0] ^= 1; return c }),
		"last byte":      whole(func(c []byte) []byte { c[size-1] ^= 0x80; return c }),
		"magic":          whole(func(c []byte) []byte { c[size] ^= 1; return c }),
		"checksum":       whole(func(c []byte) []byte { c[len(c)-1] ^= 1; return c }),
		"cut off":        whole(func(c []byte) []byte { return c[:len(c)-1] }),
		"half":           whole(func(c []byte) []byte { return c[:size/2] }),
		"longer":         whole(func(c []byte) []byte { return append(c, 0) }),
		"lost pages":     whole(func(c []byte) []byte { clear(c[4096:8192]); return c }),
		"nothing but 0s": whole(func(c []byte) []byte { clear(c); return c }),
		"another size":   whole(func(c []byte) []byte { return c[1:] }),
	} {
		dir := mapped.Dir{Path: t.TempDir()}
		keep(t, dir, "key", block(size))
		if err := damage(filepath.Join(dir.Path, "key.block")); err != nil {
			t.Fatal(err)
		}
		if dir.Find("key", size) != nil {
			t.Errorf("%s: a damaged block was found", name)
		}
		keep(t, dir, "key", block(size))
		if !bytes.Equal(dir.Find("key", size), block(size)) {
			t.Errorf("%s: the block was not written anew", name)
		}
	}
}

// Files that do not fit any more are removed, the oldest first, and so is what killed processes left.
func TestForget(t *testing.T) {
	const size = 1000
	dir := mapped.Dir{Path: t.TempDir(), Most: 2500}
	left := filepath.Join(dir.Path, "left-123")
	if err := os.WriteFile(left, block(size), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"a", "b", "c"} {
		keep(t, dir, key, block(size))
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir.Path, key+".block"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(files(t, dir), " "); got != "c.block left-123" { // left- is one of the two that fit
		t.Errorf("what remains is %s", got)
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	keep(t, dir, "d", block(size))
	if got := strings.Join(files(t, dir), " "); got != "c.block d.block" {
		t.Errorf("what remains is %s", got)
	}
	keep(t, dir, "large", block(3*size))
	if dir.Find("large", 3*size) == nil {
		t.Error("the newest block was removed")
	}
}

// Keys that are never asked for again, such as those of former builds, do not fill the directory.
func TestForgetNotes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux keeps blocks")
	}
	dir := mapped.Dir{Path: t.TempDir()}
	for i := range 300 {
		if err := dir.Keep(fmt.Sprint(i), block(10)); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-1000) * time.Second)
		if err := os.Chtimes(filepath.Join(dir.Path, fmt.Sprint(i, ".block")), at, at); err != nil {
			t.Fatal(err)
		}
	}
	names := files(t, dir)
	if len(names) != 256 || slices.Contains(names, "43.block") || !slices.Contains(names, "44.block") || !slices.Contains(names, "299.block") {
		t.Errorf("%d notes remain: %v", len(names), names)
	}
}

// A place that cannot be written to is an error for Keep, and a directory without a place keeps nothing.
func TestNowhere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux keeps blocks")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	below := mapped.Dir{Path: filepath.Join(file, "below")}
	if err := below.Keep("key", block(10)); err == nil || !strings.Contains(err.Error(), file) || below.Find("key", 10) != nil {
		t.Errorf("below a file: %v", err)
	}
	elsewhere := mapped.Dir{Path: "/proc"} // a file system that is not known to be of this machine's disks
	if err := elsewhere.Keep("key", block(10)); err != nil || elsewhere.Find("key", 10) != nil {
		t.Errorf("on another file system: %v", err)
	}
	var none mapped.Dir
	for range 3 {
		if err := none.Keep("key", block(10)); err != nil || none.Find("key", 10) != nil {
			t.Errorf("without a directory: %v", err)
		}
	}
}

// Memory that cannot be read any more ends the call that reads it, and names the byte.
func TestWatch(t *testing.T) {
	page := os.Getpagesize()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err == nil {
		defer f.Close()
		_, err = f.Write(block(3 * page))
	}
	if err != nil {
		t.Fatal(err)
	}
	memory, err := unix.Mmap(int(f.Fd()), 0, 3*page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	sum := 0
	read := func() error {
		for i := 0; i < len(memory); i += page {
			sum += int(memory[i])
		}
		return fs.ErrInvalid
	}
	if at, faulted, err := mapped.Watch(memory, read); faulted || at != 0 || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("whole: %d, %v, %v", at, faulted, err)
	}
	if err := f.Truncate(int64(page)); err != nil {
		t.Fatal(err)
	}
	if at, faulted, err := mapped.Watch(memory, read); !faulted || at != page || err != nil {
		t.Errorf("truncated: %d, %v, %v", at, faulted, err)
	}
	defer func() {
		if recover() != "another" {
			t.Error("another panic was caught")
		}
	}()
	_, _, _ = mapped.Watch(memory, func() error { panic("another") })
}

// Keys differ where any text does.
func TestKey(t *testing.T) {
	keys := map[string]bool{}
	for _, texts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"2:ab,"}} {
		keys[mapped.Key(texts...)] = true
	}
	if len(keys) != 7 {
		t.Errorf("7 lists of texts have %d keys", len(keys))
	}
}
