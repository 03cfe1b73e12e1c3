package flow

import (
	"strings"
	"testing"
)

func TestJobValidate(t *testing.T) {
	good := Job{Images: []string{"/photos"}, Labels: "none", Out: "/data/out", TaskRows: 10, Precision: "float32", Convolutions: "auto"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Job){
		`"out" is not absolute`:              func(j *Job) { j.Out = "out" },
		"no images are named":                func(j *Job) { j.Images = nil },
		`"photos" is not absolute`:           func(j *Job) { j.Images = []string{"photos"} },
		"0 images a task":                    func(j *Job) { j.TaskRows = 0 },
		"auto would differ between machines": func(j *Job) { j.Precision = "auto" },
		"a share of 2 of the GPU's memory":   func(j *Job) { j.GPUMemoryFraction = 2 },
		"unknown device":                     func(j *Job) { j.Device = "tpu" },
	} {
		job := good
		spoil(&job)
		if err := job.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
