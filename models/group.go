package models

import (
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/preprocessing"
)

// ErrUnstated is the error of a model that does not say how it wants its pixels, where the caller
// does not either.
var ErrUnstated = errors.New("does not say how it wants its pixels")

// OpenGroup opens the model once on each of the session's devices. The options' Batch is
// that of whole pictures of that many views. The caller closes the group.
func OpenGroup(name string, options Options, extractor inference.ExtractorOptions, views int) (*inference.Group, error) {
	sessions, err := options.Session.Split()
	if err != nil {
		return nil, err
	}
	var extractors []*inference.Extractor
	fail := func(err error) (*inference.Group, error) {
		for _, e := range extractors {
			_ = e.Model().Close() // the error at hand matters more
		}
		return nil, err
	}
	for _, session := range sessions {
		options.Session = session
		model, err := Open(name, options)
		if err != nil {
			return fail(err)
		}
		if model.Preprocessing.IsZero() {
			_ = model.Close() // the error at hand matters more
			return fail(fmt.Errorf("%s %w: %s", name, ErrUnstated, model.Unstated))
		}
		e, err := newExtractor(model, extractor, views)
		if err != nil {
			_ = model.Close()
			return fail(err)
		}
		extractors = append(extractors, e)
	}
	group, err := inference.NewGroup(extractors...)
	if err != nil {
		return fail(err)
	}
	tellPreprocessing(name, group.First().Model(), !options.Preprocessing.IsZero())
	tellDevice(options.Session, group.Device())
	for _, note := range group.First().Model().Notes {
		logrus.Warnf("%s: %s", name, note)
	}
	return group, nil
}

func newExtractor(model *inference.Model, options inference.ExtractorOptions, views int) (*inference.Extractor, error) {
	if options.Batch == 0 {
		options.Batch = inference.DefaultBatchOn(model.Device)
	}
	options.Batch = min((options.Batch+views-1)/views*views, inference.MaxBatch)
	options.Halved = func(batch int) {
		logrus.Warnf("the memory of %s does not suffice for so large a batch: going on with %d; --batch %d does so from the start", model.Device, batch, batch)
	}
	return inference.NewExtractor(model, options)
}

// tellPreprocessing says what was taken of a graph that normalizes by itself, or that something
// else was asked for.
func tellPreprocessing(name string, model *inference.Model, asked bool) {
	switch how := model.Preprocessing.WithLayout(""); {
	case model.Normalizes == "":
	case !asked:
		logrus.Infof("%s normalizes by itself: %s; preprocessing %s is taken", name, model.Normalizes, how)
	case how != preprocessing.None:
		logrus.Warnf("%s normalizes by itself: %s; preprocessing %s, which was asked for, comes on top of it", name, model.Normalizes, how)
	}
}

// tellDevice says what was chosen where that was left open.
func tellDevice(session inference.SessionConfig, device string) {
	library := inference.LoadedLibrary()
	switch auto := session.Device == "" || session.Device == inference.DeviceAuto; {
	case auto && device != inference.DeviceCPU:
		logrus.Infof("computing on %s; --device cpu does without", device)
	case auto && library.GPU:
		logrus.Warnf("computing on the CPU: %s sees no GPU (%s)", library, inference.WhyNoGPU(library))
	default:
		logrus.Debugf("computing on %s", device)
	}
}
