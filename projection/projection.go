package projection

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"fovea/internal/text"
	"fovea/recipe"
)

// Projection projects layers. The nil Projection leaves them as they are. It may be used by several goroutines.
type Projection struct {
	how    recipe.Projection
	fitted *fitted

	mutex sync.Mutex
	// matrices are the sparse ones by the number of inputs: layers of one size share one.
	matrices map[int]*sparse
}

// ErrUnsuitable marks layers that a projection cannot be applied to, and images that it cannot be fitted on.
var ErrUnsuitable = errors.New("unsuitable projection")

// Parse makes a projection of what recipe.ParseProjection reads, or of the file of a fitted one. It is nil for none.
func Parse(name string) (*Projection, error) {
	how, err := recipe.ParseProjection(name)
	if info, statErr := os.Stat(name); err != nil && statErr == nil && !info.IsDir() {
		return Load(name)
	}
	switch {
	case err != nil && (strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json")):
		return nil, fmt.Errorf("there is no file %s", name)
	case err != nil:
		return nil, fmt.Errorf("%w, or the file of a fitted projection", err)
	case how.SHA256 != "":
		return nil, fmt.Errorf("%q names a fitted projection by its SHA-256: give its file", name)
	}
	return New(how), nil
}

// New is the projection of a recipe: random, or yet to be fitted. It is nil for none.
func New(how recipe.Projection) *Projection {
	if how.Kind == "" {
		return nil
	}
	return &Projection{how: how}
}

// How is what recipes say of the projection.
func (p *Projection) How() recipe.Projection {
	if p == nil {
		return recipe.Projection{}
	}
	return p.how
}

// Unfitted says that the projection must be fitted before it can be used.
func (p *Projection) Unfitted() bool {
	return p != nil && p.how.Kind == recipe.ProjectPCA && p.fitted == nil
}

// Layer says how many values the projection makes of a pooled layer, and gives what computes those of one image. The
// function is nil for a layer that stays as it is.
func (p *Projection) Layer(l recipe.Layer) (values int, apply func(out, x []float32), err error) {
	switch {
	case !p.How().Projects(l):
		return l.Size(), nil, nil
	case p.how.Kind == recipe.ProjectSparse:
		s, err := p.sparse(l.Size())
		if err != nil {
			return 0, nil, err
		}
		return s.values, s.apply, nil
	case p.fitted == nil:
		return 0, nil, fmt.Errorf("projection: %s is not fitted yet", p.how)
	}
	c, err := p.fitted.find(l)
	if err != nil {
		return 0, nil, err
	}
	return p.how.Values, c.apply, nil
}

func (p *Projection) sparse(inputs int) (*sparse, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if s := p.matrices[inputs]; s != nil {
		return s, nil
	}
	s, err := newSparse(p.how.Seed, inputs, p.how.Values)
	if err != nil {
		return nil, err
	}
	if p.matrices == nil {
		p.matrices = map[int]*sparse{}
	}
	p.matrices[inputs] = s
	return s, nil
}

// Check refuses layers none of which is long enough to be projected.
func (p *Projection) Check(layers []recipe.Layer) error {
	if p == nil {
		return nil
	}
	longest := recipe.Layer{}
	for _, l := range layers {
		if p.how.Projects(l) {
			return nil
		}
		if l.Size() > longest.Size() {
			longest = l
		}
	}
	return fmt.Errorf("%w: no layer has more than %s: %s has %d; use fewer values, or no projection", ErrUnsuitable, text.Plural(p.how.Values, "value"), longest.Name, longest.Size())
}

// Matrix is a linear map as others compute it.
type Matrix struct {
	// Indices are those of the values that each result adds, a row of as many as there are results for each block, and
	// Factors what they are multiplied by. A factor of 0 stands for no value.
	Indices []int32
	Factors []float32
	// Mean is subtracted first, and Rows has a row for each result. They are nil for sparse matrices.
	Mean, Rows []float32
}

// Matrix gives that of a layer, which Layer must project.
func (p *Projection) Matrix(l recipe.Layer) (Matrix, error) {
	if _, apply, err := p.Layer(l); err != nil || apply == nil {
		return Matrix{}, errors.Join(err, ErrUnsuitable)
	}
	if p.how.Kind == recipe.ProjectPCA {
		c, err := p.fitted.find(l)
		if err != nil {
			return Matrix{}, err
		}
		return Matrix{Mean: c.mean, Rows: c.scaled()}, nil
	}
	s, err := p.sparse(l.Size())
	if err != nil {
		return Matrix{}, err
	}
	return s.matrix(), nil
}

// Suits refuses features that are not what the projection was fitted on, but for rounding. The recipe says how they come to
// be before the projection.
func (p *Projection) Suits(of recipe.Recipe) error {
	if p == nil || p.fitted == nil {
		return nil
	}
	for _, d := range p.fitted.of.Compare(of) {
		if !d.Minor {
			return fmt.Errorf("%w: it was fitted on other features: %s: %s there, %s here", ErrUnsuitable, d.Field, d.Have, d.Got)
		}
	}
	for _, l := range of.Layers {
		if _, _, err := p.Layer(l); err != nil {
			return err
		}
	}
	return nil
}
