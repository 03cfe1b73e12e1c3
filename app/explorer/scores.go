package explorer

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

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

// put replaces columns of an edition, by name, and tells the pages. Columns of the head that was given stay.
func (c *scores) put(t *table, columns map[string]any) {
	c.mutex.Lock()
	if c.of != t.data {
		c.of, c.columns = t.data, map[string]any{}
	}
	var names []string
	for name, column := range columns {
		if c.head == nil || name == columnSuspect || c.columns[name] == nil {
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

// predict applies the head that was given to all rows.
func (c *scores) predict(ctx context.Context, t *table) {
	if c.head == nil {
		return
	}
	n := t.rows()
	prediction, confidence, novelty := make([]int32, 0, n), make([]float32, 0, n), make([]float32, 0, n)
	class := make([]int32, len(c.head.Classes))
	for i, name := range c.head.Classes {
		class[i] = t.classes.number(name)
	}
	err := finetuning.Predict(ctx, finetuning.PredictOptions{
		Head: c.head, Source: finetuning.Source{Dir: c.server.options.Dir, MaxMemory: c.server.options.MaxMemory},
		Row: func(_ string, probabilities []float64, unlike *float64) error {
			best := 0
			for i, p := range probabilities {
				if p > probabilities[best] {
					best = i
				}
			}
			prediction, confidence = append(prediction, class[best]), append(confidence, float32(probabilities[best]))
			if unlike == nil {
				novelty = append(novelty, float32(math.NaN()))
			} else {
				novelty = append(novelty, float32(*unlike))
			}
			return nil
		},
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		logrus.Warnf("the head's predictions are not shown: %v", err)
		c.mutex.Lock()
		c.trouble = err
		c.mutex.Unlock()
	case len(prediction) == n:
		columns := map[string]any{columnPrediction: prediction, columnConfidence: confidence}
		if c.head.Novelty != nil {
			columns[columnNovelty] = novelty
		}
		c.put(t, columns)
	}
}
