package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/preprocessing"
)

// Status is the result of a check.
type Status string

// The statuses. With a Problem extraction cannot work, with a Warning it works, but not well.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Problem Status = "problem"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Found is what there is, Remedy what to do about it unless the status is OK.
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

// Report is what a machine has.
type Report struct {
	// Works says that no check is a Problem.
	Works   bool               `json:"works"`
	Version string             `json:"version"`
	Library inference.Library  `json:"library"`
	Devices []inference.Device `json:"devices"`
	CPU     CPU                `json:"cpu"`
	// MemoryBytes is the memory available to this process, DiskBytes the free space in Out.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	DiskBytes   int64 `json:"disk_bytes,omitempty"`
	// ImagesPerSecond is the speed of the model, without decoding, in a short trial; 0 if it failed.
	ImagesPerSecond float64 `json:"images_per_second,omitempty"`
	Checks          []Check `json:"checks"`
	// Precisions are those of CPUs, measured with the model; nil without Options.Bench.
	Precisions []Precision `json:"precisions,omitempty"`
}

// Options say what to examine.
type Options struct {
	// Version is the program's.
	Version string
	// Model is the model to try (default: models.Default), on the device and in the precision of Session.
	Model   string
	Session inference.SessionConfig
	// Trust lets a SavedModel do more than compute.
	Trust bool
	// Preprocessing overrides the model's own, which Bench needs.
	Preprocessing preprocessing.Spec
	// Out is where a dataset would be written (default: the working directory).
	Out string
	// Bench also measures all precisions of CPUs, which takes about half a minute.
	Bench bool
}

// Examine examines the machine. When ctx is cancelled, the error is its cause: what was not looked at may be a
// problem.
func Examine(ctx context.Context, options Options) (Report, error) {
	r := Report{Version: options.Version, CPU: readCPU()}
	missing := inference.Load()
	if missing != nil {
		r.add("library", Problem, missing.Error(), "")
	} else {
		r.Library = inference.LoadedLibrary()
		r.library()
		r.devices()
	}
	r.cpu()
	r.memory()
	r.disk(options.Out)
	r.cache()
	r.pictures()
	if missing == nil && ctx.Err() == nil {
		r.model(ctx, options)
	}
	if options.Bench && missing == nil && ctx.Err() == nil {
		r.bench(ctx, options)
	}
	if err := context.Cause(ctx); err != nil {
		return Report{}, err
	}
	r.Works = true
	for _, c := range r.Checks {
		r.Works = r.Works && c.Status != Problem
	}
	return r, nil
}

func (r *Report) add(name string, status Status, found, remedy string) {
	r.Checks = append(r.Checks, Check{name, status, found, remedy})
}

// testedLibrary is the release with which the numbers in the documentation were measured.
const testedLibrary = "2.18.1"

func (r *Report) library() {
	found := fmt.Sprintf("%s at %s", r.Library, r.Library.Path)
	if major, _, _ := strings.Cut(r.Library.Version, "."); major != "2" {
		r.add("library", Problem, found, "version 2 is needed: make deps downloads "+testedLibrary)
		return
	}
	if r.Library.Version != testedLibrary {
		r.add("library", Warning, found, "tested with "+testedLibrary+", which make deps downloads")
		return
	}
	r.add("library", OK, found, "")
}

func (r *Report) devices() {
	devices, err := inference.Devices()
	if err != nil {
		r.add("devices", Problem, err.Error(), "run doctor again with --verbose for the library's own messages")
		return
	}
	r.Devices = devices
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.Name
		if d.MemoryBytes > 0 {
			names[i] += fmt.Sprintf(" (%s)", size(d.MemoryBytes))
		}
	}
	found := strings.Join(names, ", ")
	models := gpuModels()
	if len(models) > 0 {
		found += "; the driver lists " + strings.Join(models, ", ")
	}
	switch {
	case len(devices) > 1:
		r.add("devices", OK, found, "")
	case len(models) > 0:
		r.add("devices", Warning, found, inference.WhyNoGPU(r.Library))
	case r.Library.GPU:
		r.add("devices", Warning, found+"; the library is built for GPUs", inference.WhyNoGPU(r.Library)+": see docs/gpu.md, or use the CPU build")
	default:
		r.add("devices", OK, found, "")
	}
}

// model opens the model and computes a few batches.
func (r *Report) model(ctx context.Context, options Options) {
	name := cmp.Or(options.Model, models.Default)
	const remedy = "the message says what is wrong; --verbose adds the library's own messages"
	model, err := models.Open(name, models.Options{Session: options.Session, Preprocessing: options.Preprocessing, Trust: options.Trust})
	if err != nil {
		r.add("model", Problem, err.Error(), remedy)
		return
	}
	defer model.Close() // the trial is over
	last := model.Layers[len(model.Layers)-1].Name
	e, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{last}})
	if err == nil {
		err = e.WarmUp()
	}
	if err != nil {
		r.add("model", Problem, err.Error(), remedy)
		return
	}
	pixels := make([]float32, e.BatchSize()*model.InputHeight*model.InputWidth*model.Depth())
	begin, images := time.Now(), 0
	for images == 0 || time.Since(begin) < time.Second && ctx.Err() == nil {
		if _, err := e.Extract(pixels, e.BatchSize()); err != nil {
			r.add("model", Problem, err.Error(), remedy)
			return
		}
		images += e.BatchSize()
	}
	r.ImagesPerSecond = float64(images) / time.Since(begin).Seconds()
	r.add("model", OK, fmt.Sprintf("%s, layer %s: %.1f images/s on %s in %s, batches of %d", model.Name, last, r.ImagesPerSecond, model.Device, model.Precision, e.BatchSize()), "")
}

// Write prints the report for people.
func (r Report) Write(w io.Writer) error {
	table := text.NewTable(w)
	for _, c := range r.Checks {
		mark := map[Status]string{OK: "ok", Warning: "warning", Problem: "PROBLEM"}[c.Status]
		fmt.Fprintf(table, "%s\t%s\t%s\n", mark, c.Name, c.Found)
		if c.Remedy != "" {
			fmt.Fprintf(table, "\t\t-> %s\n", c.Remedy)
		}
	}
	if err := table.Flush(); err != nil || r.Precisions == nil {
		return err
	}
	return writePrecisions(w, r.Precisions)
}

// size prints a number of bytes.
func size(bytes int64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}
