package serving

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/web"
	"fovea/servable"
)

// What protocols that name models call the head.
const (
	// DefaultName is the name of a head that has none.
	DefaultName = "head"
	// servedVersion is its only version.
	servedVersion = "1"
)

// ErrName says that ServerOptions.Name cannot be part of a path.
var ErrName = errors.New("serving: not a name for the head")

// NameOf is a name for the head in a file: the file's without directory and extension, and without what a name cannot have.
func NameOf(file string) string {
	base := filepath.Base(file)
	name := strings.Map(func(r rune) rune {
		if checkName(string(r)) != nil {
			return '-'
		}
		return r
	}, strings.TrimSuffix(base, filepath.Ext(base)))
	return cmp.Or(name, DefaultName)
}

// checkName returns ErrName for a name with characters that separate the parts of a path, or that a line has not.
func checkName(name string) error {
	if strings.ContainsAny(name, "/:?#%") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: %q: use letters, digits, dots, dashes and underscores", ErrName, name)
	}
	return nil
}

// checkServed is an error of status 404 unless a model and its version, "" for any, are the head's.
func (s *Server) checkServed(model, version string) error {
	switch {
	case model != s.options.Name:
		return statusError{http.StatusNotFound, "", fmt.Errorf("there is no model %.100q: this server has %q", model, s.options.Name)}
	case version != "" && version != servedVersion:
		return statusError{http.StatusNotFound, "", fmt.Errorf("%q has no version %.100q, only %s", model, version, servedVersion)}
	}
	return nil
}

// describing makes the handler of a request about the model that its path names.
func (s *Server) describing(object func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.checkServed(r.PathValue("model"), r.PathValue("version")); err != nil {
			web.Refuse(w, http.StatusNotFound, err)
			return
		}
		describe(w, object())
	}
}

// describe answers with an object, which holds nothing that JSON has not.
func describe(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object) // fails only for a client that has gone
}

// outputNames are those of an exported SavedModel of the head.
func (s *Server) outputNames() []string {
	names := []string{servable.Probabilities, servable.ClassNames, servable.Label}
	if s.predictor.TellsNovelty() {
		names = append(names, servable.Novelty)
	}
	return names
}

// results are the outputs of an exported SavedModel for some images: float32 and texts, row by row. The label is that of
// the server's Decision.
type results struct {
	probabilities   []float32
	classes, labels []string
	novelty         []float32
}

func (s *Server) results(answers []answer) results {
	var all results
	classes := s.predictor.Classes()
	for _, a := range answers {
		for _, p := range a.outcome.Probabilities {
			all.probabilities = append(all.probabilities, float32(p))
		}
		all.classes = append(all.classes, classes...)
		all.labels = append(all.labels, s.options.Decision.Decide(a.outcome, classes))
		if a.outcome.Novelty != nil {
			all.novelty = append(all.novelty, float32(*a.outcome.Novelty))
		}
	}
	return all
}

// computeAll computes images that are answered together or not at all.
func (s *Server) computeAll(ctx context.Context, r *http.Request, files []sentFile, held *body) ([]answer, error) {
	if err := s.checkCount(len(files)); err != nil {
		return nil, err
	}
	answers, err := s.compute(ctx, r, files, held.release)
	if err != nil {
		return nil, err
	}
	failed := slices.IndexFunc(answers, func(a answer) bool { return a.err != nil })
	if failed >= 0 && len(answers) > 1 {
		return nil, fmt.Errorf("image %d of %d: %w", failed, len(answers), answers[failed].err)
	} else if failed >= 0 {
		return nil, answers[failed].err
	}
	return answers, nil
}
