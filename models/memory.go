package models

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/internal/seal"
	"fovea/savedmodel"
)

// opening is all that decides what opening a SavedModel finds. What was found for one holds for no other.
type opening struct {
	surroundings
	Model        string `json:"model"` // its SHA-256
	Signature    string `json:"signature,omitempty"`
	Precision    string `json:"precision,omitempty"`
	Unfused      bool   `json:"unfused,omitempty"`
	Convolutions string `json:"convolutions,omitempty"`
	Height       int    `json:"height,omitempty"`
	Width        int    `json:"width,omitempty"`
	Layers       string `json:"layers,omitempty"`
	Pool         string `json:"pool,omitempty"`
}

// openSavedModel opens a SavedModel as m remembers it, or else by computing images of noise; m may be nil. One that may
// turn out to need none of TensorFlow's rewriting is at first opened without it.
func openSavedModel(dir, signature, name string, options Options, m *memory) (*inference.Model, error) {
	how := options.savedModel(name, signature)
	if m != nil {
		how.Memory = m
	}
	model, err := savedmodel.Open(dir, how)
	if err != nil {
		return nil, err
	}
	model, err = options.accelerated(name, model, func() error { return accelerate(model, signature, options) })
	if err != nil || m == nil {
		return model, err
	}
	if !m.suits(model) {
		if err := model.Close(); err != nil {
			return nil, err
		}
		return openSavedModel(dir, signature, name, options, &memory{opening: m.opening, dir: m.dir, session: m.session, deaf: true})
	}
	if m.kept {
		if err := m.store(); err != nil { // it will be found out each time
			logrus.Debugf("what opening %s found will not be remembered: %v", model.Name, err)
		}
	}
	return model, nil
}

// memory is the savedmodel.Memory of one opening, kept in a file of the cache directory.
type memory struct {
	opening
	dir string
	// layers are those that will be computed, session how.
	layers  []string
	session inference.SessionConfig
	found   savedmodel.Found
	// recalled says that found was remembered, kept that it is to be.
	recalled, kept bool
	// deaf recalls and promises nothing.
	deaf bool
}

// newMemory is nil where nothing can be remembered.
func newMemory(signature string, options Options) *memory {
	dir := options.remembering()
	if dir == "" {
		return nil
	}
	m := &memory{dir: filepath.Join(dir, "openings"), layers: options.Layers, session: options.Session, opening: opening{
		surroundings: surroundingsWith(""),
		Signature:    signature, Precision: string(options.Session.Precision), Unfused: options.Session.Unfused, Convolutions: options.Convolutions,
		Height: options.InputHeight, Width: options.InputWidth, Layers: strings.Join(options.Layers, "\n"), Pool: options.pool,
	}}
	if !m.known() {
		return nil
	}
	return m
}

// promises says whether TensorFlow may have nothing to rewrite for the layers.
func (m *memory) promises() bool {
	return plainPool(m.Pool) && len(m.layers) > 0 && m.Convolutions != Direct && (m.Precision == "" || m.Precision == string(inference.Float32))
}

// remembered is the content of a file.
type remembered struct {
	Opening opening          `json:"opening"`
	Found   savedmodel.Found `json:"found"`
}

// file is where it is kept what was found.
func (m *memory) file() (string, error) { return fileOf(m.dir, m.opening) }

// Recall reads the file. A damaged one, or one of something else, is as good as none. GPUs are left out: their drivers
// and libraries are not known here.
func (m *memory) Recall(model string) (savedmodel.Found, bool) {
	m.Library = library() // waits for it
	if m.deaf || m.Library == "" || m.session.OnGPU() {
		return savedmodel.Found{}, false
	}
	m.Model = model
	file, err := m.file()
	if err != nil {
		return savedmodel.Found{}, false
	}
	if text, err := os.ReadFile(file); err == nil {
		var r remembered
		if sealed, err := seal.Check(text); err == nil && sealed && json.Unmarshal(text, &r) == nil && r.Opening == m.opening {
			m.found, m.recalled = r.Found, true
			return m.found, true
		}
	}
	return savedmodel.Found{Unrewritten: m.promises()}, false
}

// Keep is for openSavedModel, which knows more.
func (m *memory) Keep(model string, found savedmodel.Found) {
	m.Model, m.found, m.kept = model, found, m.Library != "" && !m.session.OnGPU()
}

// suits says whether an opened model can remain so: without TensorFlow's rewriting, only if it needs none.
func (m *memory) suits(model *inference.Model) bool {
	return m.recalled && model.Convolutions.Count > 0 || unrewritten(model, m.layers)
}

// store writes the file.
func (m *memory) store() error {
	file, err := m.file()
	if err != nil {
		return err
	}
	return writeSealed(file, remembered{m.opening, m.found})
}
