package models

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fovea/inference"
)

// moments gathers the statistics of a layer, whose last dimension are its channels.
type moments struct {
	count, zeros, notFinite int
	sum, squares            float64
	least, largest          []float64 // of each channel
}

func (m *moments) add(values []float32, channels int) {
	if m.least == nil {
		m.least, m.largest = make([]float64, channels), make([]float64, channels)
		for c := range channels {
			m.least[c], m.largest[c] = math.Inf(1), math.Inf(-1)
		}
	}
	for i, value := range values {
		v := float64(value)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			m.notFinite++
			continue
		}
		if v == 0 {
			m.zeros++
		}
		c := i % channels
		m.least[c], m.largest[c] = min(m.least[c], v), max(m.largest[c], v)
		m.sum, m.squares = m.sum+v, m.squares+v*v
	}
	m.count += len(values)
}

func (m *moments) statistics(name string, shape []int) LayerStatistics {
	s := LayerStatistics{Name: name, Shape: shape, Channels: len(m.least), NotFinite: m.notFinite}
	if m.count == m.notFinite {
		return s
	}
	n := float64(m.count - m.notFinite)
	s.Mean = m.sum / n
	s.Std = math.Sqrt(max(0, m.squares/n-s.Mean*s.Mean))
	s.Least, s.Largest, s.Zeros = slices.Min(m.least), slices.Max(m.largest), float64(m.zeros)/n
	for c := range m.least {
		switch {
		case m.least[c] != m.largest[c]:
		case m.least[c] == 0:
			s.Dead++
		default:
			s.Constant++
		}
	}
	return s
}

// comparer compares layers with a reference, photograph by photograph.
type comparer struct {
	reference map[string][]float32
	photos    int
	layerOf   map[string]string // reference name to the layer's
	sums      map[string]*compared
}

type compared struct {
	ab, aa, bb, worst, scale float64
}

func newComparer(model *inference.Model, reference map[string][]float32, photos int) *comparer {
	c := &comparer{reference: reference, photos: photos, layerOf: map[string]string{}, sums: map[string]*compared{}}
	for name := range reference {
		if layer, err := model.Layer(name); err == nil {
			c.layerOf[name] = layer.Name
		}
	}
	return c
}

func (c *comparer) add(layer inference.Layer, photo int, values []float32) error {
	for name, reference := range c.reference {
		if c.layerOf[name] != layer.Name {
			continue
		}
		if len(reference) != c.photos*len(values) {
			return fmt.Errorf("models: the reference has %d values of %s, but there are %d photographs of %d values each: was it made from the photographs that --photos writes?", len(reference), name, c.photos, len(values))
		}
		s := c.sums[name]
		if s == nil {
			s = &compared{}
			c.sums[name] = s
		}
		for i, want := range reference[photo*len(values) : (photo+1)*len(values)] {
			a, b := float64(values[i]), float64(want)
			s.ab, s.aa, s.bb = s.ab+a*b, s.aa+a*a, s.bb+b*b
			s.worst, s.scale = max(s.worst, math.Abs(a-b)), max(s.scale, math.Abs(b))
		}
	}
	return nil
}

func (c *comparer) results() ([]Comparison, error) {
	if len(c.reference) == 0 {
		return nil, nil
	}
	var results []Comparison
	for _, name := range slices.Sorted(maps.Keys(c.sums)) {
		s := c.sums[name]
		r := Comparison{Layer: name, Worst: s.worst}
		if s.scale > 0 {
			r.Worst = s.worst / s.scale
		}
		if s.aa > 0 && s.bb > 0 {
			r.Cosine = s.ab / math.Sqrt(s.aa*s.bb)
		} else if s.aa == s.bb {
			r.Cosine = 1
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("models: the model has none of the reference's layers: %s", strings.Join(slices.Sorted(maps.Keys(c.reference)), ", "))
	}
	return results, nil
}
