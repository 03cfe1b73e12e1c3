package flow

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"fovea/internal/spelling"
)

// Tasks and parts travel as JSON. Beam would make rows of them by their fields, which engines
// then read and write themselves when they shuffle; Flink's runner does not get through a
// row that Go has written (it reads on for ever), while bytes that only we understand are passed on.
func init() {
	beam.RegisterCoder(reflect.TypeFor[Task](), encodeTask, decodeTask)
	beam.RegisterCoder(reflect.TypeFor[Part](), encodePart, decodePart)
}

func encodeTask(t Task) ([]byte, error) { return json.Marshal(t) }

func decodeTask(encoded []byte) (t Task, err error) {
	err = json.Unmarshal(encoded, &t)
	return t, err
}

func encodePart(p Part) ([]byte, error) { return json.Marshal(p) }

func decodePart(encoded []byte) (p Part, err error) {
	err = json.Unmarshal(encoded, &p)
	return p, err
}

// toldError is an error whose text is UTF-8, as messages to engines must be.
type toldError struct{ error }

func (e toldError) Error() string { return spelling.Spell(e.error.Error()) }

func (e toldError) Unwrap() error { return e.error }

// telling makes an error one that engines can be told: one that quotes a name of other bytes would not
// get to them, and they would wait for it.
func telling(err error) error {
	if err == nil {
		return nil
	}
	return toldError{err}
}
