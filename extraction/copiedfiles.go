package extraction

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/featurestore/explore"
)

// copiedFiles tell of the files of rows in the directory that a dataset was extracted from.
type copiedFiles struct{ dir string }

// newCopiedFiles resolves links in the directory's own path.
func newCopiedFiles(dir string) (copiedFiles, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return copiedFiles{}, fmt.Errorf("the directory of the images: %w", err)
	}
	return copiedFiles{real}, nil
}

// file is what is known of a row's file. Nothing is known of a part of a file, such as a member of an archive or a frame,
// but whether the file is there.
func (c copiedFiles) file(path, sum string) explore.File {
	name := filepath.Join(c.dir, filepath.FromSlash(path))
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return explore.File{Gone: !c.isPart(name)}
	}
	info, err := os.Stat(real)
	if err != nil || !info.Mode().IsRegular() {
		return explore.File{Gone: true}
	}
	return explore.File{Bytes: info.Size(), Real: real, Changed: sum != "" && sumOfFile(real) != sum}
}

// isPart says whether what a name begins with is a file, as that of FILE#3 and archive.tar/7.jpg.
func (c copiedFiles) isPart(name string) bool {
	for ; len(name) > len(c.dir); name = filepath.Dir(name) {
		file := name
		if at := strings.LastIndexByte(name, '#'); at > strings.LastIndexByte(name, filepath.Separator) {
			file = name[:at]
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// sumOfFile is the SHA-256 of a file in hex, "" if it cannot be read.
func sumOfFile(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close() // read-only
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
