package models

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/output"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// Imported says what Import did.
type Imported struct {
	// File holds the weights now.
	File string
	// Configuration is their network.
	Configuration vgg.Configuration
	// Adopted says how they were taken over. Its Set is empty: the weights are in the file.
	Adopted vgg.Adopted
	// Preprocessing is the one that they were trained with.
	Preprocessing Finding
	// Suspect lists what is odd about the weights themselves, a sentence each.
	Suspect []string
}

// LeftOut are tensors of a file that were not imported, for one reason.
type LeftOut struct {
	Reason  string   `json:"reason"`
	Tensors []string `json:"tensors"`
}

// LeftOut lists the tensors that were not imported, those with the same reason together.
func (i Imported) LeftOut() []LeftOut {
	var all []LeftOut
	for _, ignored := range i.Adopted.Ignored {
		at := slices.IndexFunc(all, func(l LeftOut) bool { return l.Reason == ignored.Reason })
		if at < 0 {
			at = len(all)
			all = append(all, LeftOut{Reason: ignored.Reason})
		}
		all[at].Tensors = append(all[at].Tensors, ignored.Name)
	}
	return all
}

// ImportReport is Imported for programs.
type ImportReport struct {
	File  string `json:"file"`
	Model string `json:"model"`
	// Naming is the naming scheme of the file's tensors.
	Naming              string             `json:"naming"`
	Preprocessing       preprocessing.Spec `json:"preprocessing"`
	PreprocessingSource string             `json:"preprocessing_source"`
	// Warnings are reasons to doubt the preprocessing or the weights.
	Warnings []string  `json:"warnings,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	LeftOut  []LeftOut `json:"left_out,omitempty"`
	// MissingLayers have no weights.
	MissingLayers []string `json:"missing_layers,omitempty"`
}

// Report is the result for programs.
func (i Imported) Report() ImportReport {
	r := ImportReport{
		File: i.File, Model: i.Configuration.Name, Naming: string(i.Adopted.Scheme),
		Preprocessing: i.Preprocessing.Spec, PreprocessingSource: i.Preprocessing.Reason,
		Notes: i.Adopted.Notes, LeftOut: i.LeftOut(), MissingLayers: i.Adopted.Absent,
	}
	if i.Preprocessing.Warning != "" {
		r.Warnings = append(r.Warnings, i.Preprocessing.Warning)
	}
	r.Warnings = append(r.Warnings, i.Suspect...)
	return r
}

// maxLeftOut bounds the tensors that a line lists.
const maxLeftOut = 6

// Log logs what was imported from the file name, and warns about what is odd.
func (i Imported) Log(name string) {
	logrus.Infof("%s holds %s with the names of %s", name, i.Configuration.Name, i.Adopted.Scheme)
	found := i.Preprocessing
	logrus.Infof("preprocessing %s (%s): %s", found.Spec, found.Spec.Describe(), found.Reason)
	if found.Warning != "" {
		logrus.Warnf("preprocessing: %s", found.Warning)
	}
	for _, odd := range i.Suspect {
		logrus.Warnf("the weights look damaged or untrained: %s See extract model check.", odd)
	}
	for _, note := range i.Adopted.Notes {
		logrus.Info(note)
	}
	for _, left := range i.LeftOut() {
		tensors, more := left.Tensors, ""
		if n := len(tensors); n > maxLeftOut {
			tensors, more = tensors[:maxLeftOut], fmt.Sprintf(" and %d more", n-maxLeftOut)
		}
		logrus.Infof("left out %s%s: %s", strings.Join(tensors, ", "), more, left.Reason)
	}
	if missing := i.Adopted.Absent; len(missing) > 0 {
		logrus.Infof("layers without weights: %s", strings.Join(missing, ", "))
	}
}

// ImportOptions say how weights are imported.
type ImportOptions struct {
	// Configuration is their network (default: the one that they fit).
	Configuration vgg.Configuration
	// Dir is where imported weights are kept (default: Dir()).
	Dir string
	// Preprocessing is the one that they were trained with (default: what the file says; see
	// ErrPreprocessing).
	Preprocessing preprocessing.Spec
	// MaxMemory is how many bytes of memory reading the file may take (default: as its size allows; see
	// weights.Options).
	MaxMemory int64
}

// Import reads a publisher's weights and writes them, in the program's own names and order and with their
// preprocessing, where Open finds them.
func Import(file string, options ImportOptions) (Imported, error) {
	set, err := weights.Options{MaxMemory: options.MaxMemory}.Read(file)
	if err != nil {
		return Imported{}, err
	}
	layers, inLayers, err := vgg.KerasPreprocessing(set)
	if err != nil && options.Preprocessing.IsZero() {
		return Imported{}, fmt.Errorf("%s: %w; %s", file, err, candidates(preprocessing.None, preprocessing.ZeroOne, preprocessing.TF))
	}
	c := options.Configuration
	if c.Name == "" {
		if c, err = vgg.Guess(set); err != nil {
			return Imported{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	source := set.SHA256
	adopted, err := c.Adopt(set)
	if err != nil {
		return Imported{}, fmt.Errorf("%s: %w", file, err)
	}
	found := Finding{Spec: layers, Reason: "what the model's own layers do before the first convolution"}
	if !inLayers || !options.Preprocessing.IsZero() {
		if found, err = findPreprocessing(file, options.Preprocessing, set, adopted); err != nil {
			return Imported{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	if inLayers && layers != found.Spec {
		found.Warning = fmt.Sprintf("the model's own layers do something else before the first convolution: %s (%s)", layers, layers.Describe())
	}
	set, adopted.Set = adopted.Set, weights.Set{}
	set.Metadata["source"] = filepath.Base(file) + ", SHA-256 " + source
	set.Metadata[vgg.PreprocessingKey], set.Metadata[vgg.PreprocessingSourceKey] = found.Spec.String(), found.Reason
	odd, err := suspect(set) // finds NaN and infinity now rather than when they are used
	if err != nil {
		return Imported{}, fmt.Errorf("models: %s: %w", file, err)
	}
	target, err := keep(c, set, options.Dir)
	return Imported{File: target, Configuration: c, Adopted: adopted, Preprocessing: found, Suspect: odd}, err
}

// keep writes weights to the file where Open finds them, and returns it.
func keep(c vgg.Configuration, set weights.Set, dir string) (string, error) {
	target, err := weightsFile(c, dir)
	if err != nil {
		return "", err
	}
	if err := makeCache(filepath.Dir(target)); err != nil {
		return "", err
	}
	if err := output.Write(target, func(w io.Writer) error { return weights.WriteSafetensors(w, set) }); err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	return target, nil
}
