package explorer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/sirupsen/logrus"

	"fovea/internal/output"
)

// mapCache keeps maps in the directory beside the dataset, one file each:
//
//	"fovea map 1\n", then little-endian
//	key       32 bytes, the SHA-256 of what decides the map (see key)
//	vectors   32 bytes, the SHA-256 of the vectors
//	took      8 bytes, nanoseconds
//	rows      8 bytes
//	points    8 bytes a row: x and y as float32
//	checksum  32 bytes, the SHA-256 of all before it
type mapCache struct {
	dir  string
	seed uint64
	// once is for the warning that nothing can be kept.
	once sync.Once
}

// cachedMap is what a file has.
type cachedMap struct {
	took    time.Duration
	vectors [sha256.Size]byte
	points  []float32
}

const (
	mapMagic = "fovea map 1\n"
	mapFixed = len(mapMagic) + 2*sha256.Size + 16
	// mapMethod changes when the same rows get other places.
	mapMethod = "1"
)

// stateDir is the directory beside a dataset that holds what the explorer keeps: features.explore for features.
func stateDir(dataset string) (string, error) {
	if resolved, err := filepath.EvalSymlinks(dataset); err == nil {
		dataset = resolved
	}
	dir, err := filepath.Abs(dataset)
	return dir + ".explore", err
}

// key is the SHA-256 of what decides a map.
func (c *mapCache) key(t *table, kind string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %s %q %s %d", kind, mapMethod, t.layer.Name, t.identity, c.seed))
}

func (c *mapCache) file(key [sha256.Size]byte) string {
	return filepath.Join(c.dir, "map-"+hex.EncodeToString(key[:16])+".bin")
}

// read reads a map. A file that is damaged, or of other rows, counts as none.
func (c *mapCache) read(t *table, kind string) (*cachedMap, bool) {
	key := c.key(t, kind)
	f, err := os.Open(c.file(key))
	if err != nil {
		return nil, false
	}
	defer f.Close() // read-only
	size := mapFixed + 8*t.rows() + sha256.Size
	raw := make([]byte, size+1)
	n, err := io.ReadFull(f, raw)
	if err != io.ErrUnexpectedEOF || n != size {
		logrus.Warnf("%s is not what was written there: the map is computed again", f.Name())
		return nil, false
	}
	m, ok := parseMap(raw[:size], key, t.rows())
	if !ok {
		logrus.Warnf("%s is damaged: the map is computed again", f.Name())
	}
	return m, ok
}

// parseMap checks the bytes of a file.
func parseMap(raw []byte, key [sha256.Size]byte, rows int) (*cachedMap, bool) {
	body := raw[:len(raw)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], raw[len(body):]) {
		return nil, false
	}
	rest := body[len(mapMagic):]
	if string(body[:len(mapMagic)]) != mapMagic || !bytes.Equal(rest[:sha256.Size], key[:]) {
		return nil, false
	}
	m := &cachedMap{vectors: [sha256.Size]byte(rest[sha256.Size:])}
	rest = rest[2*sha256.Size:]
	m.took = time.Duration(binary.LittleEndian.Uint64(rest))
	if binary.LittleEndian.Uint64(rest[8:]) != uint64(rows) {
		return nil, false
	}
	m.points = make([]float32, 2*rows)
	for i := range m.points {
		m.points[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[16+4*i:]))
	}
	return m, true
}

// write keeps a map, and removes the oldest ones where there are many. Where nothing can be written, the map is computed
// again next time.
func (c *mapCache) write(t *table, kind string, m cachedMap) {
	key := c.key(t, kind)
	out := append(make([]byte, 0, mapFixed+4*len(m.points)+sha256.Size), mapMagic...)
	out = append(append(out, key[:]...), m.vectors[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(m.took))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(m.points)/2))
	for _, v := range m.points {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	sum := sha256.Sum256(out)
	err := os.MkdirAll(c.dir, 0o755)
	if err == nil {
		err = output.WriteFile(c.file(key), append(out, sum[:]...))
		c.prune()
	}
	if err != nil {
		c.once.Do(func() { logrus.Warnf("maps are not kept for the next time: %v", err) })
	}
}

// mostKept bounds the maps that are kept, of different layers, seeds and rows.
const mostKept = 16

// prune removes the maps that were written first, but for the last mostKept.
func (c *mapCache) prune() {
	files, err := filepath.Glob(filepath.Join(c.dir, "map-*.bin"))
	if err != nil || len(files) <= mostKept {
		return
	}
	written := map[string]time.Time{}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			written[file] = info.ModTime()
		}
	}
	slices.SortFunc(files, func(a, b string) int { return written[a].Compare(written[b]) })
	for _, file := range files[:len(files)-mostKept] {
		_ = os.Remove(file) // one that stays takes room only
	}
}

// checksum is the SHA-256 of vectors.
func checksum(floats []float32) [sha256.Size]byte {
	if len(floats) == 0 {
		return sha256.Sum256(nil)
	}
	return sha256.Sum256(unsafe.Slice((*byte)(unsafe.Pointer(&floats[0])), 4*len(floats)))
}
