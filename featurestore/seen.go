package featurestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// What the images of a shard were read from (Row.Seen) is not a column, because it differs between two
// runs over equal images, whose shards are equal. It is in a separate file: data/part-00000.parquet has
// .fovea/seen/part-00000.parquet.seen, and the list of failures has .fovea/seen/errors.jsonl.seen. No
// reader takes these names for rows.
//
// Such a file is a header, a record for each row, and the SHA-256 of both. It is ignored unless it is
// whole and names the file it belongs to by SHA-256. Without it the images have to be read again. So
// it need not be on disk before the shard, and leftover, truncated or damaged ones do no harm.
const (
	seenDir    = HiddenDir + "/seen"
	seenSuffix = ".seen"
	seenHeader = "fovea seen 1\n"
)

// seenSize and sumSize are the sizes of Row.Seen and of a SHA-256.
const (
	seenSize = 16
	sumSize  = sha256.Size
)

// seenFile is the name of the file that says what the images of a shard, or those in FailuresFile,
// were read from. It need not exist.
func seenFile(file string) string { return seenDir + "/" + path.Base(file) + seenSuffix }

// IsSeen reports whether a name, relative to the dataset, is that of a file which says what images were
// read from.
func IsSeen(file string) bool {
	name, below := strings.CutPrefix(file, seenDir+"/")
	name, found := strings.CutSuffix(name, seenSuffix)
	return below && found && (name == path.Base(FailuresFile) || IsShard(dataDir+"/"+name))
}

// writeSeen writes the records, all of one size, for the file whose SHA-256 is sum. If all are zero,
// there is nothing to write.
func writeSeen(dir, file, sum string, records []byte) error {
	name := seenFile(file)
	final := inDir(dir, name)
	if !slices.ContainsFunc(records, func(b byte) bool { return b != 0 }) {
		return removeFile(final)
	}
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	content := slices.Concat([]byte(seenHeader), raw, binary.LittleEndian.AppendUint64(nil, uint64(len(records))), records)
	check := sha256.Sum256(content)
	temp := inDir(dir, tempDir+"/seen-"+path.Base(file)+tempSuffix)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(temp, append(content, check[:]...), 0o644); err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return os.Rename(temp, final)
}

// readSeen reads the records for the file whose SHA-256 is sum, as many bytes as requested, or nil if
// they are unknown.
func readSeen(dir, file, sum string, size int) []byte {
	content, err := os.ReadFile(inDir(dir, seenFile(file)))
	if err != nil || len(content) < sumSize {
		return nil
	}
	content, check := content[:len(content)-sumSize], content[len(content)-sumSize:]
	if got := sha256.Sum256(content); !bytes.Equal(got[:], check) {
		return nil
	}
	rest, ok := bytes.CutPrefix(content, []byte(seenHeader))
	if !ok || len(rest) != sumSize+8+size {
		return nil
	}
	if hex.EncodeToString(rest[:sumSize]) != sum || binary.LittleEndian.Uint64(rest[sumSize:]) != uint64(size) {
		return nil
	}
	return rest[sumSize+8:]
}

// seenOf is what the rows of a shard were read from, zero where that is unknown.
func seenOf(dir string, s Shard) [][seenSize]byte {
	seen := make([][seenSize]byte, s.Rows)
	records := readSeen(dir, s.File, s.SHA256, s.Rows*seenSize)
	for i := range seen {
		if records != nil {
			seen[i] = [seenSize]byte(records[i*seenSize:])
		}
	}
	return seen
}

// seen is what all rows were read from.
func (d *Dataset) seen() ([][seenSize]byte, error) {
	all := make([][seenSize]byte, 0, d.manifest.Rows)
	for i := range d.manifest.Shards {
		seen, err := d.seenAt(i)
		if err != nil {
			return nil, err
		}
		all = append(all, seen...)
	}
	return all, nil
}

// seenAt is what the rows of a shard were read from.
func (d *Dataset) seenAt(at int) ([][seenSize]byte, error) {
	s := d.manifest.Shards[at]
	if s.SHA256 == "" && isFile(d.root, seenFile(s.File)) { // of a writer that was killed
		var err error
		if s.SHA256, err = HashFile(filepath.Join(d.root, filepath.FromSlash(s.File))); err != nil {
			return nil, err
		}
	}
	return seenOf(d.root, s), nil
}

// seen is what the rows of a part were read from; nothing if only some rows are selected, since those
// do not become a dataset.
func (m *merge) seen(d *Dataset) (func(row int) [seenSize]byte, error) {
	if m.only.Selects() {
		return func(int) [seenSize]byte { return [seenSize]byte{} }, nil
	}
	seen, err := d.seen()
	return func(row int) [seenSize]byte { return seen[row] }, err
}

// writeSeenFailures writes what the failures in the list whose SHA-256 is sum were read from, and the
// SHA-256 of what was read.
func writeSeenFailures(dir, sum string, failures []Failure) error {
	records := make([]byte, 0, len(failures)*(seenSize+sumSize))
	for _, f := range failures {
		sum := parseSum(f.SHA256)
		records = append(append(records, f.Seen[:]...), sum[:]...)
	}
	return writeSeen(dir, FailuresFile, sum, records)
}

// recall adds what was recorded about failures.
func (d *Dataset) recall(failures []Failure) {
	if _, err := os.Stat(inDir(d.root, seenFile(FailuresFile))); err != nil || d.layout == layoutFormer {
		return
	}
	sum, err := HashFile(inDir(d.root, FailuresFile))
	if err != nil {
		return
	}
	const size = seenSize + sumSize
	records := readSeen(d.root, FailuresFile, sum, len(failures)*size)
	if records == nil {
		return
	}
	for i := range failures {
		record := records[i*size : (i+1)*size]
		failures[i].Seen = [seenSize]byte(record)
		if sum := [sumSize]byte(record[seenSize:]); sum != [sumSize]byte{} {
			failures[i].SHA256 = hex.EncodeToString(sum[:])
		}
	}
}

// parseSum parses a hex SHA-256. Anything else becomes zero, which no content has.
func parseSum(text string) (sum [sumSize]byte) {
	if len(text) == 2*sumSize {
		if _, err := hex.Decode(sum[:], []byte(text)); err != nil {
			return [sumSize]byte{}
		}
	}
	return sum
}

// linkSeen links such a file, if it exists, under the name for its shard.
func linkSeen(from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return linkOrCopy(from, to)
}
