package serving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// jsonItem is what is answered of one of several images.
type jsonItem struct {
	Name string `json:"name,omitempty"`
	jsonPrediction
	Status int `json:"status"` // as about's
}

// predict answers with the label and the probabilities of each image.
func (s *Server) predict(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, error) {
	decision := s.options.Decision
	top, err := number(r, "top", decision.Top, 0, maxNumber)
	if err != nil {
		return reply{}, err
	}
	decision.Top = top
	u, answers, err := s.uploaded(ctx, w, r)
	if err != nil {
		return reply{}, err
	}
	show := func(a answer) jsonPrediction {
		classes := s.predictor.Classes()
		return objectOf(decision.Prediction("", a.outcome, classes), classes, decision)
	}
	if !u.list {
		return reply{object: show(answers[0])}, nil
	}
	items := make([]jsonItem, len(answers))
	for i, a := range answers {
		about := s.about(u.files[i], a.err)
		items[i] = jsonItem{Name: about.Name, jsonPrediction: jsonPrediction{Error: about.Error}, Status: about.Status}
		if a.err == nil {
			items[i].jsonPrediction = show(a)
		}
	}
	return reply{object: items}, nil
}

// maxNumber is the largest number that a parameter takes unless it says less.
const maxNumber = 1 << 30

// number is a whole number in a request's query, from least to most.
func number(r *http.Request, name string, usual, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if !r.URL.Query().Has(name) {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, malformed("%s=%.40q: give a whole number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// malformed is the error of a request that says what it should not.
func malformed(format string, arguments ...any) error {
	return statusError{http.StatusBadRequest, "", fmt.Errorf(format, arguments...)}
}

// uploaded receives the images of a request and computes them. The error of the only image of a request without a list
// is the request's, and so is that of a list of which nothing was computed.
func (s *Server) uploaded(ctx context.Context, w http.ResponseWriter, r *http.Request) (upload, []answer, error) {
	u, err := s.upload(ctx, w, r)
	if err != nil {
		return u, nil, err
	}
	defer u.body.release()
	answers, err := s.compute(ctx, r, u.files, u.body.release)
	if err != nil {
		return u, nil, err
	}
	if !u.list {
		return u, answers, answers[0].err
	}
	return u, answers, inVain(answers)
}

// errNoImage says that a request has no image in it.
var errNoImage = errors.New("there is no image in the request: send one or several")
