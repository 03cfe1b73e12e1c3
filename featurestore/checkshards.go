package featurestore

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// shardNames returns the names of all shards, listed or found, and reports foreign files.
func (c *checker) shardNames() []string {
	listed, found := map[string]bool{}, map[string]bool{}
	if c.manifest != nil {
		for _, s := range c.manifest.Shards {
			name := filepath.Base(filepath.FromSlash(s.File))
			if _, format, ok := shardIndex(name); !ok || format != c.manifest.Format || s.File != dataDir+"/"+name {
				continue // inspectManifest reports it
			}
			listed[name] = true
		}
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, dataDir))
	if err != nil {
		c.wrong(dataDir, "%w", err)
	}
	for _, e := range entries {
		_, format, ok := shardIndex(e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case !ok || c.manifest != nil && format != c.manifest.Format:
			c.wrong(dataDir+"/"+e.Name(), "it is not one of the dataset's shards")
		default:
			found[e.Name()] = true
			if c.manifest != nil && c.manifest.Status != StatusWriting && !listed[e.Name()] {
				c.wrong(dataDir+"/"+e.Name(), "%s does not list it", manifestName)
			}
		}
	}
	for name := range listed {
		if !found[name] {
			c.incomplete = true
			c.wrong(dataDir+"/"+name, "it is missing")
		}
	}
	return slices.SortedFunc(maps.Keys(found), compareShards)
}

// compareShards orders names of shards by number.
func compareShards(a, b string) int {
	i, _, _ := shardIndex(a)
	j, _, _ := shardIndex(b)
	return i - j
}

func (c *checker) shard(name string) {
	file := dataDir + "/" + name
	c.report.Shards++
	c.report.Bytes += max(0, c.size(file))
	c.hash(file)
	r, err := openShard(c.dir, name, c.mem)
	if err != nil {
		c.incomplete = true
		c.problem(Problem{File: file, Row: -1, Err: err})
		return
	}
	defer r.close()
	if c.manifest != nil {
		c.agree(file, r)
	}
	c.report.Rows += r.rows
	columns := append(plainNames(r.meta.extra), r.meta.recipe.LayerNames()...)
	first := 0
	for group, rows := range r.groups {
		at := first
		err := r.scanGroup(c.ctx, group, columns, func(part chunk) error {
			err := c.chunk(file, at, r.meta, part)
			at += part.rows
			return err
		})
		if err != nil && c.ctx.Err() == nil {
			c.incomplete = true
			c.problem(Problem{File: file, Row: -1, Err: fmt.Errorf("after row %d: %w", at, err)})
		}
		first += rows
	}
}

// listed is the manifest's entry of a shard, or nil. A killed writer leaves shards that the manifest
// does not list, or that are longer than it says.
func (c *checker) listed(file string) *Shard {
	if c.manifest == nil {
		return nil
	}
	m := c.manifest
	at := slices.IndexFunc(m.Shards, func(s Shard) bool { return s.File == file })
	if at < 0 {
		return nil
	}
	s := &m.Shards[at]
	if m.Status == StatusWriting && at == len(m.Shards)-1 && s.Rows < m.RowsPerShard && c.size(file) != s.Bytes {
		return nil
	}
	return s
}

// size is the size of a file of the dataset, -1 if it does not exist.
func (c *checker) size(file string) int64 {
	stat, err := os.Stat(inDir(c.dir, file))
	if err != nil {
		return -1
	}
	return stat.Size()
}

// hash compares the bytes of a shard with the manifest.
func (c *checker) hash(file string) {
	listed := c.listed(file)
	if listed == nil {
		return
	}
	if size := c.size(file); size != listed.Bytes {
		c.wrong(file, "it has %d bytes, but %s says %d", size, manifestName, listed.Bytes)
	}
	sum, err := HashFile(inDir(c.dir, file))
	if err != nil {
		c.wrong(file, "%w", err)
		return
	}
	if sum != listed.SHA256 {
		c.wrong(file, "its SHA-256 is %s, but %s says %s", sum, manifestName, listed.SHA256)
	}
}

// agree compares a shard's footer with the manifest.
func (c *checker) agree(file string, r *shardReader) {
	if err := c.manifest.agrees(r.name, r.meta); err != nil {
		c.problem(Problem{File: file, Row: -1, Err: err})
	}
	if listed := c.listed(file); listed != nil {
		if listed.Rows != r.rows {
			c.wrong(file, "it has %d rows, but %s says %d", r.rows, manifestName, listed.Rows)
		}
		if err := r.sameTail(*listed); err != nil {
			c.problem(Problem{File: file, Row: -1, Err: err})
		}
	}
	index, _, _ := shardIndex(r.name)
	last := index >= len(c.manifest.Shards)-1
	if full := c.manifest.RowsPerShard; full > 0 && (r.rows > full || r.rows < full && !last && !c.manifest.Assembled) {
		c.wrong(file, "it has %d rows, but shards have %d and only the last may have fewer", r.rows, full)
	}
}
