package head

import (
	"fmt"
	"math"

	"fovea/internal/finite"
	"fovea/recipe"
)

// noveltyFile is the novelty model in a head's file. It changes no probability, so that a file with one has
// the version of the same file without: older programs read it and ignore the model.
type noveltyFile struct {
	Neighbors int      `json:"neighbors"`
	Cutoff    float64  `json:"cutoff"`
	Rate      float64  `json:"rate"`
	Measured  int      `json:"measured"`
	Known     []floats `json:"known"`
}

func (n *Novelty) toFile() *noveltyFile {
	if n == nil {
		return nil
	}
	f := &noveltyFile{Neighbors: n.Neighbors, Cutoff: n.Cutoff, Rate: n.Rate, Measured: n.Measured}
	for i := range n.Known.Rows {
		f.Known = append(f.Known, n.Known.Row(i))
	}
	return f
}

func (f *noveltyFile) novelty() *Novelty {
	if f == nil {
		return nil
	}
	n := &Novelty{Neighbors: f.Neighbors, Cutoff: f.Cutoff, Rate: f.Rate, Measured: f.Measured}
	n.Known = Matrix{Rows: len(f.Known), Cols: len(f.Known[0])}
	for _, row := range f.Known {
		n.Known.Data = append(n.Known.Data, row...)
	}
	return n
}

// validate checks that the model fits the layers, and that its rows are such as TrainNovelty makes them.
func (f *noveltyFile) validate(layers []recipe.Layer) error {
	if f == nil {
		return nil
	}
	width := describe(layers).width
	switch {
	case len(f.Known) < 2 || len(f.Known) > max(2, mostKnown/width):
		return fmt.Errorf("its novelty has %d known rows", len(f.Known))
	case f.Neighbors < 1 || f.Neighbors >= len(f.Known):
		return fmt.Errorf("its novelty is that of %d neighbours among %d", f.Neighbors, len(f.Known))
	case !(f.Cutoff >= minCutoff && f.Cutoff <= 2.001): // the largest distance, and rounding
		return fmt.Errorf("its novelty has the cutoff %v", f.Cutoff)
	case !(f.Rate > 0 && f.Rate < 1) || f.Measured < 1:
		return fmt.Errorf("its novelty has the rate %v, found on %d rows", f.Rate, f.Measured)
	}
	for i, row := range f.Known {
		if len(row) != width {
			return fmt.Errorf("known row %d has %d values, and its layers %d", i, len(row), width)
		}
		if at := finite.First(row); at >= 0 {
			return fmt.Errorf("value %d of known row %d is %v", at, i, row[at])
		}
		if length := math.Sqrt(dot(row, row)); length > 1.001 {
			return fmt.Errorf("known row %d has the length %v", i, length)
		}
	}
	return nil
}
