package flow

import (
	"strings"
	"testing"

	"fovea/extraction"
)

func TestJobValidate(t *testing.T) {
	good := Job{Images: []string{"/photos"}, Labels: "none", Out: "/data/out", TaskRows: 10, Features: extraction.Features{Layers: []string{"pool5"}}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Job){
		`"out" is not absolute`:              func(j *Job) { j.Out = "out" },
		"no images are given":                func(j *Job) { j.Images = nil },
		`"photos" is not absolute`:           func(j *Job) { j.Images = []string{"photos"} },
		"0 images per task":                  func(j *Job) { j.TaskRows = 0 },
		"auto would differ between machines": func(j *Job) { j.Features.Session.Precision = "auto" },
		"a share of 2 of the GPU's memory":   func(j *Job) { j.Features.Session.GPUMemoryFraction = 2 },
		"unknown device":                     func(j *Job) { j.Features.Session.Device = "tpu" },
		"on one machine only":                func(j *Job) { j.Features.Views = "dense:64" },
		"name at least one layer":            func(j *Job) { j.Features.Layers = nil },
	} {
		job := good
		spoil(&job)
		if err := job.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
