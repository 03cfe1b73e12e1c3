package recipe

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of Projection.
const (
	// ProjectSparse is a sparse random projection, "sparse:N:SEED": it keeps distances, up to an error that N decides.
	ProjectSparse = "sparse"
	// ProjectPCA are the first N principal components of the images that it was fitted on, "pca:N" or "pca:N:whiten"; in a
	// recipe "@" and the SHA-256 of the file with the components follow.
	ProjectPCA = "pca"

	projectNone   = "none"
	projectWhiten = "whiten"
)

// The largest N of projections.
const (
	MostSparseValues = 1 << 15
	MostPCAValues    = 4096
)

// DefaultProjectionSeed is the seed of sparse projections that name none.
const DefaultProjectionSeed = 1

// ErrProjection says that a projection is unknown or that its numbers make no sense.
var ErrProjection = errors.New("unknown projection")

// Projection says how layers of more than Values values become vectors of that many, after pooling. Shorter layers
// stay as they are.
type Projection struct {
	// Kind is ProjectSparse or ProjectPCA, or "" for none.
	Kind   string
	Values int
	// Seed is that of ProjectSparse.
	Seed uint64
	// Whiten divides by the components' standard deviations.
	Whiten bool
	// SHA256 is the hex SHA-256 of the file of a fitted ProjectPCA, "" for one that is yet to be fitted.
	SHA256 string
}

// ParseProjection reads a projection: "none" or "", "N", which is "sparse:N", "sparse:N:SEED", "pca:N", "pca:N:whiten", and
// the latter two with "@SHA256".
func ParseProjection(text string) (Projection, error) {
	if text == "" || text == projectNone {
		return Projection{}, nil
	}
	kind, rest, found := strings.Cut(text, ":")
	if !found {
		if _, err := strconv.Atoi(text); err == nil {
			kind, rest = ProjectSparse, text
		}
	}
	var p Projection
	var err error
	switch kind {
	case ProjectSparse:
		p, err = parseSparse(rest)
	case ProjectPCA:
		p, err = parsePCA(rest)
	default:
		return p, fmt.Errorf("%w %q: use N, sparse:N:SEED, pca:N or pca:N:whiten", ErrProjection, text)
	}
	if err != nil {
		return Projection{}, fmt.Errorf("%w %q: %w", ErrProjection, text, err)
	}
	return p, nil
}

func parseSparse(text string) (Projection, error) {
	values, seed, given := strings.Cut(text, ":")
	p := Projection{Kind: ProjectSparse, Seed: DefaultProjectionSeed}
	var err error
	if p.Values, err = parseValues(values, MostSparseValues); err != nil || !given {
		return p, err
	}
	if p.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
		return p, fmt.Errorf("a seed is a whole number from 0 to %d", uint64(1<<64-1))
	}
	return p, nil
}

func parsePCA(text string) (Projection, error) {
	how, sum, fitted := strings.Cut(text, "@")
	values, whiten, given := strings.Cut(how, ":")
	p := Projection{Kind: ProjectPCA, Whiten: given, SHA256: sum}
	if given && whiten != projectWhiten {
		return p, fmt.Errorf("%q may follow N, and nothing else", projectWhiten)
	}
	if raw, err := hex.DecodeString(sum); fitted && (err != nil || len(raw) != 32 || strings.ToLower(sum) != sum) {
		return p, errors.New("a SHA-256 has 64 digits from 0 to f")
	}
	var err error
	p.Values, err = parseValues(values, MostPCAValues)
	return p, err
}

func parseValues(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("the number of values is a whole number from 1 to %d", most)
	}
	return n, nil
}

// String is the projection as recipes have it, "" for none.
func (p Projection) String() string {
	switch p.Kind {
	case ProjectSparse:
		return fmt.Sprintf("%s:%d:%d", p.Kind, p.Values, p.Seed)
	case ProjectPCA:
		text := fmt.Sprintf("%s:%d", p.Kind, p.Values)
		if p.Whiten {
			text += ":" + projectWhiten
		}
		if p.SHA256 != "" {
			text += "@" + p.SHA256
		}
		return text
	}
	return ""
}

// Projects says whether the projection changes a layer, which has been pooled.
func (p Projection) Projects(l Layer) bool { return p.Kind != "" && l.Size() > p.Values }

// Stored is the layer as it is stored.
func (p Projection) Stored(l Layer) Layer {
	if p.Projects(l) {
		l.Shape, l.Layout = []int{p.Values}, LayoutC
	}
	return l
}
