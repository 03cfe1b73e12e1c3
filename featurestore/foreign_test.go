package featurestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fovea/internal/budget"
	mutated "fovea/internal/trials"
)

// foreignShards are shards that another program wrote again, in forms that ours are not written in; see make_arrow.py.
func foreignShards(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "trials", "arrow", "*", "part-00000.arrow"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no shards: %v", err)
	}
	return files
}

// No change of an Arrow file with compressed buffers or dictionaries ends the program, stalls it or makes it take
// gigabytes.
func TestTrialsOfForeignShards(t *testing.T) {
	var seeds []mutated.Seed
	for _, file := range foreignShards(t) {
		seeds = append(seeds, mutated.Seed{File: file, Aims: messages(t, file)})
	}
	mutated.Run(t, seeds, readAll)
}

// messages are where the messages of an Arrow file begin, and their bodies' first buffers: each message has the
// marker 0xffffffff and its length.
func messages(t *testing.T, file string) []int {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	aims := []int{len(data) - 10}
	for at := 0; at+8 <= len(data); at += 8 {
		if string(data[at:at+4]) == "\xff\xff\xff\xff" {
			length := int(data[at+4]) | int(data[at+5])<<8
			aims = append(aims, at+4, at+8, at+8+length, at+8+length/2)
		}
	}
	return aims
}

// Arrow files are read in the forms that other programs write.
func TestForeignShards(t *testing.T) {
	for _, file := range foreignShards(t) {
		err := readAll(file)
		if kind := filepath.Base(filepath.Dir(file)); kind == "dictionary" {
			if err == nil || !strings.Contains(err.Error(), `column "label" is dictionary`) {
				t.Errorf("a column of another type gives %v", err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What compressed buffers claim to hold, and the windows of their frames, are charged to the file's budget: neither takes
// memory that the file may not take.
func TestForeignShardsThatClaimMuch(t *testing.T) {
	zstd, lz4 := []byte("\x28\xb5\x2f\xfd"), []byte("\x04\x22\x4d\x18")
	length := func(size uint64) func([]byte) {
		return func(frame []byte) { binary.LittleEndian.PutUint64(frame, size) }
	}
	for _, test := range []struct {
		name   string
		file   string
		magic  []byte
		change func(frame []byte) // with the length before it
	}{
		{"length", "zstd", zstd, length(1 << 30)},
		{"length", "lz4", lz4, length(1 << 40)},
		{"length in a dictionary", "more-lz4", lz4, length(1 << 40)},
		{"window", "zstd", zstd, func(frame []byte) { frame[12], frame[13] = frame[12]&^0x20, 0x98 }},
		{"window in a dictionary", "more-zstd", zstd, func(frame []byte) { frame[12], frame[13] = frame[12]&^0x20, 0x98 }},
	} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "trials", "arrow", test.file, "part-00000.arrow"))
		must(t, err)
		frames := 0
		for at := 0; ; at += len(test.magic) {
			next := bytes.Index(data[at:], test.magic)
			if next < 0 {
				break
			}
			at, frames = at+next, frames+1
			test.change(data[at-8:])
		}
		file := filepath.Join(t.TempDir(), "part-00000.arrow")
		must(t, os.WriteFile(file, data, 0o644))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = readAll(file)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; frames == 0 || !errors.Is(err, budget.ErrMemory) || taken > 8<<20 {
			t.Errorf("%s of %d frames of %s: %d bytes were allocated, and the error is %v", test.name, frames, test.file, taken, err)
		}
	}
}

// A file that compresses to much less than its buffers is not damaged.
func TestForeignShardOfOneRow(t *testing.T) {
	source := filepath.Join("..", "testdata", "trials", "arrow", "same", "part-00000.arrow")
	if info, err := os.Stat(source); err != nil || info.Size() > 64<<10 {
		t.Fatal(info, err)
	}
	must(t, readAll(source))
}
