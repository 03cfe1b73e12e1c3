package flow

import (
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
)

// What is shuffled must be bytes to engines, and come back as it was.
func TestCoding(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[Task](), reflect.TypeFor[Part]()} {
		if coder.LookupCustomCoder(kind) == nil {
			t.Errorf("%v travels as a row, whose fields engines look into", kind)
		}
	}
	picture := Picture{Path: "a/ü.jpg", File: "/photos/a/ü.jpg", Argument: "/photos", Label: "a", Split: "test"}
	for _, want := range []Task{{}, {
		Index: 3, Tasks: 7, Pictures: []Picture{picture, {}, {Path: "caf\xe9/x.jpg", File: "/photos/caf\xe9/x.jpg", Label: "caf\xe9"}, {Path: "caf%E9/x.jpg", Label: "caf%E9"}},
		Failures: []Failure{{Picture: picture, Stage: "list", Reason: "permission denied"}},
	}} {
		encoded, err := encodeTask(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeTask(encoded); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("task %+v, want %+v (%v)", got, want, err)
		}
	}
	want := Part{Index: 2, Tasks: 9, Dir: "/data/.out.parts/part-000002"}
	encoded, err := encodePart(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodePart(encoded); err != nil || got != want {
		t.Errorf("part %+v, want %+v (%v)", got, want, err)
	}
	if _, err := decodeTask([]byte("{")); err == nil {
		t.Error("half a task is read")
	}
}
