package explorer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"fovea/featurestore"
)

// identity is a checksum of what decides the vectors of a dataset's rows, and what is computed of them: which images they
// are of, in which order, how they were made, and in which groups they are. Labels are not in it.
type identity struct{ sum hash.Hash }

func newIdentity(t *table) identity {
	i := identity{sha256.New()}
	fmt.Fprintf(i.sum, "%s %s\n", t.dataset.Recipe().Fingerprint(), t.dataset.Manifest().DType)
	return i
}

// add takes the next row.
func (i identity) add(r featurestore.Row) {
	_, _ = io.WriteString(i.sum, r.SHA256)
	_, _ = io.WriteString(i.sum, r.Path)
	_, _ = i.sum.Write([]byte{0})
	if r.Group != "" {
		_, _ = io.WriteString(i.sum, "\x00"+r.Group+"\x00")
	}
}

// String is the checksum in hex.
func (i identity) String() string { return hex.EncodeToString(i.sum.Sum(nil)) }
