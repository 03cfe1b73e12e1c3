package cli

import (
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/models"
	"fovea/preprocessing"
)

// SessionFlags choose devices and precision, for commands that run a model.
type SessionFlags struct {
	Device, Precision string
	GPUMemoryFraction float64
	// Batch is 0 for the device's default.
	Batch int
}

// Help of the flags that commands have in common.
const (
	DeviceHelp    = "`DEVICE`: auto (a GPU if there is one), cpu, gpu:N, several as gpu:0,gpu:1, or gpu:all"
	PrecisionHelp = "`ARITHMETIC`: float32, bfloat16 (CPUs), tf32 or float16 (GPUs), or auto: bfloat16 on CPUs with AMX, else float32"
	BatchHelp     = "`N` pictures are computed together (default: 8 on a CPU, or two a core; 64 on a GPU)"
	MemoryHelp    = "`SHARE`, up to 1, of a GPU's memory that may be used (default: what is needed)"
)

// Config is the session that the flags ask for; wrong ones are a UsageError.
func (f SessionFlags) Config() (inference.SessionConfig, error) {
	config := inference.SessionConfig{Device: f.Device, Precision: inference.Precision(f.Precision), GPUMemoryFraction: f.GPUMemoryFraction}
	if f.Batch < 0 || f.Batch > inference.MaxBatch {
		return config, Usagef("--batch %d: use 1 to %d", f.Batch, inference.MaxBatch)
	}
	config, why := config.Fastest()
	if why != "" {
		logrus.Infof("--precision auto: computing in %s (%s)", config.Precision, why)
	}
	return config, config.Validate()
}

// OpenGroup opens the model once on each of the session's devices. The options' Batch is
// that of whole pictures of that many views. The caller closes the group.
func OpenGroup(name string, options models.Options, extractor inference.ExtractorOptions, views int) (*inference.Group, error) {
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
		model, err := models.Open(name, options)
		if err != nil {
			return fail(err)
		}
		if model.Preprocessing.IsZero() {
			_ = model.Close() // the error at hand matters more
			return fail(UsageError{fmt.Errorf("%s does not say how it wants its pixels: %s", name, model.Unstated)})
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
