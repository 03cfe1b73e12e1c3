package featurestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// alike makes a dataset of full shards of equal sizes, one for each letter, which decides the paths and
// the vectors.
func alike(t *testing.T, format Format, letters string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dataset")
	var rows []Row
	for _, letter := range letters {
		for i, row := range makeRows(testRecipe(), 0, testShard) {
			row.Path = fmt.Sprintf("%c%02d.jpg", letter, i)
			for _, v := range row.Features {
				for j := range v {
					v[j] = 1 + float32(letter%8)/8
				}
			}
			rows = append(rows, row)
		}
	}
	writeAll(t, dir, testInfo(Float32), testOptions(format), rows, nil)
	return dir
}

// A shard that is like the one that the manifest lists, but for what is in it, is told from it.
func TestShardOfAnother(t *testing.T) {
	for _, format := range formats {
		shard := func(dir string, i int) string { return filepath.Join(dir, dataDir, shardName(i, format)) }
		cases := map[string]func(t *testing.T, dir, other string){
			"two shards swapped": func(t *testing.T, dir, _ string) {
				kept := shard(t.TempDir(), 0)
				must(t, os.MkdirAll(filepath.Dir(kept), 0o755))
				must(t, os.Rename(shard(dir, 0), kept))
				must(t, os.Rename(shard(dir, 1), shard(dir, 0)))
				must(t, os.Rename(kept, shard(dir, 1)))
			},
			"a shard of another dataset": func(t *testing.T, dir, other string) { copyFile(t, shard(other, 1), shard(dir, 1)) },
			"all shards of another dataset": func(t *testing.T, dir, other string) {
				copyFile(t, shard(other, 0), shard(dir, 0))
				copyFile(t, shard(other, 1), shard(dir, 1))
			},
			"the manifest of another dataset": func(t *testing.T, dir, other string) {
				copyFile(t, filepath.Join(other, ManifestFile), filepath.Join(dir, ManifestFile))
			},
			"a shard of another dataset, after the writer was killed": func(t *testing.T, dir, other string) {
				copyFile(t, shard(other, 1), shard(dir, 1))
				editManifest(t, dir, "status", StatusWriting)
			},
		}
		for name, spoil := range cases {
			t.Run(string(format)+"/"+name, func(t *testing.T) {
				dir, other := alike(t, format, "ab"), alike(t, format, "cd")
				for i := range 2 {
					a, err := os.ReadFile(shard(dir, i))
					must(t, err)
					b, err := os.ReadFile(shard(other, 1))
					must(t, err)
					if len(a) != len(b) || bytes.Equal(a, b) {
						t.Fatalf("the shards have %d and %d bytes, or the same: the test shows nothing", len(a), len(b))
					}
				}
				spoil(t, dir, other)
				_, err := Open(dir)
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "data/part-0000") || !strings.Contains(err.Error(), "copied from another dataset") {
					t.Errorf("Open: %v", err)
				}
				out := filepath.Join(t.TempDir(), "out")
				if err := Merge(context.Background(), out, []string{dir}, MergeOptions{}); !errors.Is(err, ErrCorrupt) {
					t.Errorf("Merge: %v", err)
				}
				if err := Assemble(context.Background(), out, []string{dir}, AssembleOptions{}); !errors.Is(err, ErrCorrupt) {
					t.Errorf("Assemble: %v", err)
				}
				resume := testOptions(format)
				resume.Resume = true
				if _, err := Create(dir, testInfo(Float32), resume); !errors.Is(err, ErrCorrupt) {
					t.Errorf("resume: %v", err)
				}
				if err := Verify(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "copied from another dataset") {
					t.Errorf("Verify: %v", err)
				}
			})
		}
	}
}

// Each way in which a shard comes to be listed gives it the sum of its end; a manifest without is read.
func TestTailSums(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			check := func(what, dir string, want int) {
				t.Helper()
				d, err := Open(dir)
				must(t, err)
				for _, s := range d.Shards() {
					sum, err := hashTailFile(inDir(dir, s.File))
					must(t, err)
					if s.TailSHA256 != sum {
						t.Errorf("%s: %s has the sum %q, want %q", what, s.File, s.TailSHA256, sum)
					}
				}
				if len(d.Shards()) != want {
					t.Errorf("%s: %d shards, want %d", what, len(d.Shards()), want)
				}
				must(t, Verify(dir))
			}
			dir, rows := dataset(t, format), makeRows(testRecipe(), 2*testShard+3, 4*testShard)
			check("written", dir, 3)
			resume := testOptions(format)
			resume.Resume = true
			writeAll(t, dir, testInfo(Float32), resume, rows, nil)
			check("a short shard taken up", dir, 4)
			editManifest(t, dir, "status", StatusWriting)
			editManifest(t, dir, "shards", []Shard{})
			d, err := Open(dir)
			must(t, err)
			if s := d.Shards()[0]; s.TailSHA256 != "" {
				t.Errorf("a killed writer's shard has the sum %q", s.TailSHA256)
			}
			writeAll(t, dir, testInfo(Float32), resume, nil, nil)
			check("resumed", dir, 4)
			out := filepath.Join(t.TempDir(), "out")
			must(t, Assemble(context.Background(), out, []string{dir}, AssembleOptions{}))
			check("assembled", out, 4)
			shards := d.Shards()
			for i := range shards {
				shards[i].SHA256, err = HashFile(inDir(dir, shards[i].File))
				must(t, err)
			}
			editManifest(t, dir, "shards", shards)
			must(t, Verify(dir))
		})
	}
}

func TestTailOfLongFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	temp, err := createTemp(file+".tmp", nil)
	must(t, err)
	part := make([]byte, 3*tailBytes)
	for i := range part {
		part[i] = byte(i * i >> 5)
	}
	for _, n := range []int{1, tailBytes, 7, 3 * tailBytes, 100, tailBytes - 1, 50000, 50000, 50000, 9} {
		_, err := temp.Write(part[:n])
		must(t, err)
		must(t, temp.buffer.Flush())
		if sum, err := hashTailFile(file + ".tmp"); err != nil || sum != temp.tailSum() {
			t.Fatalf("after %d bytes: %s, %v, want %s", temp.size, temp.tailSum(), err, sum)
		}
	}
	must(t, temp.commit(file))
}
