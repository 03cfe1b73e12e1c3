package explorer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/sirupsen/logrus"

	"fovea/internal/web"
)

// answer answers with a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only for a page that has gone
}

// answerNumbers answers with numbers, little-endian.
func answerNumbers(w http.ResponseWriter, numbers any) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(binary.Size(numbers)))
	_ = binary.Write(w, binary.LittleEndian, numbers) // fails only for a page that has gone
}

// statusError is an error with its HTTP status.
type statusError struct {
	status int
	error
}

func (e statusError) Unwrap() error { return e.error }

// refusal makes an error with a status.
func refusal(status int, format string, values ...any) error {
	return statusError{status, fmt.Errorf(format, values...)}
}

// refuse answers with an error and its own status, or 500.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known statusError
	switch {
	case errors.As(err, &known):
		web.Refuse(w, known.status, err)
	case r.Context().Err() != nil: // nobody reads the answer
		web.Refuse(w, http.StatusServiceUnavailable, errors.New("the server is stopping"))
	default:
		logrus.Errorf("explorer: %s: %v", r.URL.Path, err)
		web.Refuse(w, http.StatusInternalServerError, err)
	}
}

// number reads a parameter that is a whole number, from and to some bounds.
func number(r *http.Request, name string, usual, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, refusal(http.StatusBadRequest, "%s=%q: give a whole number from %d to %d", name, text, least, most)
	}
	return n, nil
}
