package explorer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
)

// scores are what a head says of the rows: the one that was given, or the one that is fitted again and again.
type scores struct {
	server *Server
	// head is the one that was given, nil for none.
	head *head.Head

	mutex sync.RWMutex
	// of is the edition that the columns belong to.
	of      *vectorData
	columns map[string]any // []int32 or []float32, by name
	// trouble is why the head's predictions are not known.
	trouble error
}

// notes are sentences for people.
func (c *scores) notes() []string {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	if c.trouble == nil {
		return nil
	}
	return []string{fmt.Sprintf("The head's predictions are not shown: %v", c.trouble)}
}

// Names of columns.
const (
	columnPrediction = "prediction"
	columnConfidence = "confidence"
	columnNovelty    = "novelty"
	columnSuspect    = "suspect"
)

// newScores reads the head and checks that it suits the dataset.
func newScores(s *Server, file string, t *table) (*scores, error) {
	c := &scores{server: s}
	if file == "" {
		return c, nil
	}
	h, err := head.ReadOptions{MaxMemory: s.options.MaxMemory}.Load(file)
	if err != nil {
		return nil, err
	}
	if _, err := h.Check(t.dataset.Recipe()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, class := range h.Classes {
		t.classes.number(class)
	}
	c.head = h
	return c, nil
}

// put replaces columns of an edition, by name, by those of a head that is fitted to the labels, and tells the pages.
// Where a head was given, its own predictions are shown, and of the other one only what it says of the labels.
func (c *scores) put(t *table, columns map[string]any) {
	if c.head != nil {
		columns = map[string]any{columnSuspect: columns[columnSuspect]}
	}
	c.replace(t, columns)
}

// replace replaces columns; nil ones stay as they are.
func (c *scores) replace(t *table, columns map[string]any) {
	c.mutex.Lock()
	if c.of != t.data {
		c.of, c.columns = t.data, map[string]any{}
	}
	var names []string
	for name, column := range columns {
		if column != nil {
			c.columns[name] = column
			names = append(names, name)
		}
	}
	c.mutex.Unlock()
	slices.Sort(names)
	c.server.events.send("columns", map[string]any{"names": names})
}

// column is a column by its name, nil while it is unknown.
func (c *scores) column(t *table, name string) any {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	if c.of != t.data {
		return nil
	}
	return c.columns[name]
}

// names are those of the columns that are known, in their order.
func (c *scores) names(t *table) []string {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	if c.of != t.data {
		return []string{}
	}
	return slices.Sorted(maps.Keys(c.columns))
}

// predict applies the head that was given to all rows. Nothing is written to the dataset meanwhile, which would end the
// reading. It returns false if another program is replacing the dataset.
func (c *scores) predict(ctx context.Context, t *table) (done bool) {
	if c.head == nil {
		return true
	}
	c.server.turning.Lock()
	defer c.server.turning.Unlock()
	shown, o := c.server.shown.Load(), c.server.options
	if shown.data != t.data {
		return true // what replaces it is predicted soon
	}
	if featurestore.EditionOf(o.Dir) != shown.dataset.Edition() {
		return false
	}
	p := newPredictions(c.head, shown)
	err := finetuning.Predict(ctx, finetuning.PredictOptions{Head: c.head, Source: finetuning.Source{Dir: o.Dir, MaxMemory: o.MaxMemory}, Row: p.add})
	if ctx.Err() != nil || errors.Is(err, featurestore.ErrReplaced) {
		return false
	}
	c.mutex.Lock()
	c.trouble = err
	c.mutex.Unlock()
	if err != nil {
		logrus.Warnf("the head's predictions are not shown: %v", err)
		return true
	}
	columns := map[string]any{columnPrediction: p.classes, columnConfidence: p.confidence}
	if c.head.Novelty != nil {
		columns[columnNovelty] = p.novelty
	}
	c.replace(t, columns)
	return true
}

// predictions are collected row by row.
type predictions struct {
	// class has the place among the dataset's classes of each of the head's.
	class               []int32
	classes             []int32
	confidence, novelty []float32
}

func newPredictions(h *head.Head, t *table) *predictions {
	n := t.rows()
	p := &predictions{classes: make([]int32, 0, n), confidence: make([]float32, 0, n), novelty: make([]float32, 0, n)}
	for _, name := range h.Classes {
		p.class = append(p.class, t.classes.number(name))
	}
	return p
}

// add takes the next row's probabilities.
func (p *predictions) add(_ string, probabilities []float64, novelty *float64) error {
	best := 0
	for i, v := range probabilities {
		if v > probabilities[best] {
			best = i
		}
	}
	p.classes, p.confidence = append(p.classes, p.class[best]), append(p.confidence, float32(probabilities[best]))
	unlike := float32(math.NaN())
	if novelty != nil {
		unlike = float32(*novelty)
	}
	p.novelty = append(p.novelty, unlike)
	return nil
}
