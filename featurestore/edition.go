package featurestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Edition names what is in the dataset's directory at a time, as 16 hex digits: it changes whenever the dataset is
// replaced or moved, and when a writer starts or ends. It tells nothing but that; two editions may have equal rows.
func (d *Dataset) Edition() string { return d.edition.String() }

// EditionOf is the edition of what is in a directory now: that of a dataset that was opened there, as long as it is the
// same. It reads no file.
func EditionOf(dir string) string { return editionOf(dir).String() }

// String hides what an edition is made of.
func (e edition) String() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v", e.root, e.manifest))
	return hex.EncodeToString(sum[:8])
}
