package flow

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"fovea/internal/spelling"
)

// Tasks and parts travel as JSON. Beam would make rows of their fields, which engines then read and write
// themselves when they shuffle; Flink's runner hangs on a row written by Go, but passes on bytes that only
// this package understands.
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

// telling makes an error that engines can receive. One that quotes a name that is not UTF-8 would not reach
// them, and they would wait for it for ever.
func telling(err error) error {
	if err == nil {
		return nil
	}
	return toldError{err}
}
