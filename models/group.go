package models

import (
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/preprocessing"
)

// ErrUnstated says that neither the model nor the caller states the model's preprocessing.
var ErrUnstated = errors.New("does not state its preprocessing")

// OpenGroup opens the model once on each of the session's devices. Batches are rounded up so that they hold
// whole images of that many views each. The caller closes the group.
func OpenGroup(name string, options Options, extractor inference.ExtractorOptions, views int) (*inference.Group, error) {
	sessions, err := options.Session.Split()
	if err != nil {
		return nil, err
	}
	options.Layers, options.pool = extractor.Layers, extractor.Pool
	var extractors []*inference.Extractor
	fail := func(err error) (*inference.Group, error) {
		for _, e := range extractors {
			_ = e.Model().Close() // the error at hand matters more
		}
		return nil, err
	}
	for _, session := range sessions {
		options.Session = session
		if len(extractors) > 0 && session.Precision == inference.PrecisionAuto { // chosen once for all
			options.Session.Precision, options.Session.MaxDrift = extractors[0].Model().Precision, 0
		}
		e, err := openExtractor(name, options, extractor, views)
		if err != nil {
			return fail(err)
		}
		extractors = append(extractors, e)
	}
	group, err := inference.NewGroup(extractors...)
	if err != nil {
		return fail(err)
	}
	logPreprocessing(name, group.First().Model(), !options.Preprocessing.IsZero())
	logDevice(options.Session, group.Device())
	for _, note := range group.First().Model().Notes {
		logrus.Warnf("%s: %s", name, note)
	}
	if r := group.First().Model().Recipe(); r.Experimental() {
		logrus.Warnf("%s is experimental: it was tested with its instructions done in software, not on a CPU that has them", r.Arithmetic())
	}
	return group, nil
}

// openExtractor opens the model on one device.
func openExtractor(name string, options Options, extractor inference.ExtractorOptions, views int) (*inference.Extractor, error) {
	model, err := Open(name, options)
	if err != nil {
		return nil, err
	}
	var e *inference.Extractor
	if model.Preprocessing.IsZero() {
		err = fmt.Errorf("%s %w: %s", name, ErrUnstated, model.Unstated)
	} else {
		e, err = newExtractor(model, extractor, views)
	}
	if err != nil {
		_ = model.Close() // the error at hand matters more
		return nil, err
	}
	return e, nil
}

func newExtractor(model *inference.Model, options inference.ExtractorOptions, views int) (*inference.Extractor, error) {
	if options.Batch == 0 {
		options.Batch = inference.DefaultBatchOn(model.Device)
	}
	options.Batch = min((options.Batch+views-1)/views*views, inference.MaxBatch)
	options.Halved = func(batch int) {
		logrus.Warnf("%s has too little memory for this batch size: continuing with %d; --batch %d starts with it", model.Device, batch, batch)
	}
	return inference.NewExtractor(model, options)
}

// logPreprocessing logs the preprocessing used with a graph that normalizes its input itself.
func logPreprocessing(name string, model *inference.Model, requested bool) {
	switch how := model.Preprocessing.WithLayout(""); {
	case model.Normalizes == "":
	case !requested:
		logrus.Infof("%s normalizes its input itself: %s; using preprocessing %s", name, model.Normalizes, how)
	case how != preprocessing.None:
		logrus.Warnf("%s normalizes its input itself: %s; the requested preprocessing %s is applied on top of that", name, model.Normalizes, how)
	}
}

// logDevice logs which device was chosen if none was requested.
func logDevice(session inference.SessionConfig, device string) {
	library := inference.LoadedLibrary()
	switch auto := session.Device == "" || session.Device == inference.DeviceAuto; {
	case auto && device != inference.DeviceCPU:
		logrus.Infof("computing on %s (--device cpu uses the CPU instead)", device)
	case auto && library.GPU:
		logrus.Warnf("computing on the CPU: %s sees no GPU (%s)", library, inference.WhyNoGPU(library))
	default:
		logrus.Debugf("computing on %s", device)
	}
}
