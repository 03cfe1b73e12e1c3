package explorer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"fovea/app/explorer/labeling"
	"fovea/featurestore"
	"fovea/internal/web"
)

// labelRoutes are what is answered about labels.
func (s *Server) labelRoutes() []web.Route {
	undo := func(w http.ResponseWriter, r *http.Request) { s.postUndo(w, r, s.labels.changes.Undo) }
	redo := func(w http.ResponseWriter, r *http.Request) { s.postUndo(w, r, s.labels.changes.Redo) }
	return []web.Route{
		{Pattern: "POST /api/labels", Handler: typedJSON(s.postLabels)},
		{Pattern: "POST /api/undo", Handler: typedJSON(undo)},
		{Pattern: "POST /api/redo", Handler: typedJSON(redo)},
		{Pattern: "GET /api/orders/{kind}", Parameters: []string{"limit", "rows", "version"}, Handler: s.getOrder},
		{Pattern: "POST /api/export", Handler: typedJSON(s.postExport)},
	}
}

// mostBody bounds what is sent as JSON: a million rows take 8 MB.
const mostBody = 16 << 20

// read reads a body of JSON.
func read(w http.ResponseWriter, r *http.Request, to any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil && d.Decode(new(any)) != io.EOF {
		err = errors.New("there is something after it")
	}
	var large *http.MaxBytesError
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &large):
		return refusal(http.StatusRequestEntityTooLarge, "the request is larger than %d MiB: send fewer rows at a time", mostBody>>20)
	case errors.As(err, &other):
		return refusal(http.StatusBadRequest, "the request's JSON cannot be used: %s is a JSON %s there (see docs/explore.md)", cmp.Or(other.Field, "the whole"), other.Value)
	case err != nil:
		return refusal(http.StatusBadRequest, "the request's JSON cannot be used: %w (see docs/explore.md)", err)
	}
	return nil
}

// postLabels gives rows a label.
func (s *Server) postLabels(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Version string  `json:"version"`
		Rows    []int   `json:"rows"`
		Label   *string `json:"label"`
	}
	err := read(w, r, &request)
	if err == nil && request.Label == nil {
		err = refusal(http.StatusBadRequest, `the request has no "label": give the name of a class, or "" to take the labels away`)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	changed, err := s.labels.changes.Set(request.Version, request.Rows, featurestore.UnescapeText(*request.Label))
	s.answerChange(w, r, changed, err)
}

// postUndo takes a change back, or makes it again.
func (s *Server) postUndo(w http.ResponseWriter, r *http.Request, do func(version string) (int, error)) {
	var request struct {
		Version string `json:"version"`
	}
	if err := read(w, r, &request); err != nil {
		refuse(w, r, err)
		return
	}
	changed, err := do(request.Version)
	s.answerChange(w, r, changed, err)
}

// answerChange says what was changed, or why nothing was.
func (s *Server) answerChange(w http.ResponseWriter, r *http.Request, changed int, err error) {
	state, _ := s.labels.state()
	status := 0
	switch {
	case err == nil:
		answer(w, http.StatusOK, struct {
			labelState
			Changed int `json:"changed"`
		}{state, changed})
		return
	case errors.Is(err, labeling.ErrStale), errors.Is(err, labeling.ErrNothing):
		status = http.StatusConflict
	case errors.Is(err, labeling.ErrReadOnly):
		status = http.StatusForbidden
	case errors.Is(err, labeling.ErrLabel), errors.Is(err, labeling.ErrRow):
		status = http.StatusBadRequest
	case errors.Is(err, labeling.ErrLog):
		status = http.StatusInsufficientStorage
	default:
		refuse(w, r, fmt.Errorf("change labels: %w", err))
		return
	}
	answer(w, status, struct {
		Error   string `json:"error"`
		Version string `json:"version"`
	}{err.Error(), state.Version})
}
