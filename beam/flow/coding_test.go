package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"

	"fovea/extraction"
	"fovea/pipeline"
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
		Failures: []Failure{
			{Picture: picture, Stage: "list", Reason: "permission denied"},
			{Picture: Picture{Path: "\xff%FF%25"}, Stage: "list", Reason: "open /photos/\xff%FF: permission denied"},
		},
	}} {
		encoded, err := encodeTask(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeTask(encoded); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("task %+v, want %+v (%v)", got, want, err)
		}
	}
	for _, dir := range []string{"/data/.out.parts/part-000002", "/data/.caf\xe9.parts/part-000002", "/data/.caf%E9.parts/part"} {
		want := Part{Index: 2, Tasks: 9, Dir: dir}
		encoded, err := encodePart(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodePart(encoded); err != nil || got != want {
			t.Errorf("part %+v, want %+v (%v)", got, want, err)
		}
	}
	if _, err := decodeTask([]byte("{")); err == nil {
		t.Error("half a task is read")
	}
}

// Beam carries the stages of a job as JSON. Names of any bytes come to the workers as they are, and
// two jobs that differ in them have parts of different names.
func TestJobKeepsNames(t *testing.T) {
	job := func(e string) Job {
		return Job{
			Images: []string{"/photos/caf" + e, "/photos/50%25"}, Labels: "csv:/photos/" + e + ".csv", Out: "/data/" + e, Features: extraction.Features{Model: "/models/" + e, Layers: []string{"pool5"}},
			Select: pipeline.Selection{Include: []string{e + "*"}, Exclude: []string{"%FF", "\xfe" + e}, Limit: 3}, TaskRows: 4,
		}
	}
	names := map[string]bool{}
	for _, e := range []string{"\u00e9", "\xe9", "\xea", "%E9", "\ufffd"} {
		for _, fn := range []any{&listFn{Job: job(e)}, &extractFn{Job: job(e)}, &commitFn{Job: job(e)}} {
			encoded, err := json.Marshal(fn)
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(reflect.TypeOf(fn).Elem()).Interface()
			if err := json.Unmarshal(encoded, got); err != nil || !reflect.DeepEqual(got, fn) {
				t.Errorf("%T of %q came as %+v, want %+v (%v)", fn, e, got, fn, err)
			}
		}
		name, err := Task{Tasks: 1}.name(job(e))
		if err != nil || names[name] {
			t.Errorf("the part of %q is called %s, as another (%v)", e, name, err)
		}
		names[name] = true
	}
}

// What a stage fails by can be told to an engine, and is still the same error.
func TestTelling(t *testing.T) {
	_, cause := os.Open("/photos/caf\xe9\xff/none.jpg")
	err := telling(fmt.Errorf("flow: %w", cause))
	if !utf8.ValidString(err.Error()) || !strings.Contains(err.Error(), "/photos/caf%E9%FF/none.jpg") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %q", err)
	}
	if telling(nil) != nil {
		t.Error("nothing is an error")
	}
}
