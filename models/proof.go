package models

import (
	"bufio"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"fovea/convolution"
	"fovea/inference"
	"fovea/internal/output"
	"fovea/internal/seal"
)

// proof remembers that the changed graph of a SavedModel was found to compute the same and to be faster, so that it
// need not be tried again: that takes as long as some hundred images. It holds for the very same
// program, library, processor and model. What was found slower or different is not remembered.
type proof struct {
	Program     string `json:"program"` // the build ID
	Library     string `json:"library"` // version, file, size and time
	Environment string `json:"environment"`
	Processor   string `json:"processor"`
	Processors  int    `json:"processors"`
	Model       string `json:"model"` // its SHA-256
	Signature   string `json:"signature,omitempty"`
	Precision   string `json:"precision"`
	Height      int    `json:"height"`
	Width       int    `json:"width"`
	MaxBatch    int    `json:"max_batch,omitempty"`
	Dense       bool   `json:"dense,omitempty"`
	Unfused     bool   `json:"unfused,omitempty"`
}

// accelerate makes a SavedModel faster. Its changed graph is tried first, unless that was done before.
func accelerate(model *inference.Model, signature string, options Options) error {
	tried := convolution.Options{Verify: true, Measure: !model.Precision.OwnConvolutions()}
	dir := options.remembering()
	v, known := proofFor(model, signature, options.Dense)
	if !known || dir == "" {
		return convolution.Accelerate(model, tried)
	}
	dir = filepath.Join(dir, "trials")
	if v.stands(dir) {
		return convolution.Accelerate(model, convolution.Options{})
	}
	err := convolution.Accelerate(model, tried)
	if err == nil {
		v.keep(dir)
	}
	return err
}

// remembering is the directory in which what was found about models is remembered, "" if there is none.
func (o Options) remembering() string {
	if o.Dir != "" {
		return o.Dir
	}
	dir, _ := Dir() // without one, nothing is remembered
	return dir
}

// proofFor is false if something is unknown on which a trial depends.
func proofFor(model *inference.Model, signature string, dense bool) (proof, bool) {
	v := proof{
		Program: buildID(), Library: library(), Environment: tensorFlowVariables(), Processor: processor(), Processors: runtime.NumCPU(),
		Model: model.SHA256, Signature: signature, Precision: string(model.Precision),
		Height: model.InputHeight, Width: model.InputWidth, MaxBatch: model.MaxBatch, Dense: dense, Unfused: model.Unfused,
	}
	return v, v.Program != "" && v.Library != "" && v.Processor != "" && v.Model != ""
}

// encode makes the text of a proof's file, and the file's name.
func (v proof) encode() (text []byte, name string, err error) {
	text, err = json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	text, err = seal.Append(append(text, '\n'))
	return text, hex.EncodeToString(sum[:16]) + ".json", err
}

// stands says whether the proof was kept in dir.
func (v proof) stands(dir string) bool {
	want, name, err := v.encode()
	if err != nil {
		return false
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	return err == nil && string(got) == string(want)
}

// keep keeps the proof in dir. Where that is impossible, the model is tried each time.
func (v proof) keep(dir string) {
	text, name, err := v.encode()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = output.WriteFile(filepath.Join(dir, name), text)
	}
	if err != nil {
		logrus.Debugf("that its convolutions were tried will not be remembered: %v", err)
	}
}

// buildID identifies the program's content, "" if it has no such note.
var buildID = sync.OnceValue(func() string {
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := elf.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close() // only read
	section := file.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	note, err := section.Data()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(note)
	return hex.EncodeToString(sum[:])
})

// library identifies TensorFlow's, "" if its file is not known.
func library() string {
	if inference.Load() != nil {
		return ""
	}
	l := inference.LoadedLibrary()
	info, err := os.Stat(l.Path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("TensorFlow %s, %d bytes of %d", l.Version, info.Size(), info.ModTime().UnixNano())
}

// tensorFlowVariables are the settings that change how TensorFlow computes, but for the one that sessions make.
func tensorFlowVariables() string {
	var found []string
	for _, v := range os.Environ() {
		for _, prefix := range []string{"TF_", "ONEDNN_", "DNNL_", "OMP_", "XLA_"} {
			if strings.HasPrefix(v, prefix) && v != inference.Allocator {
				found = append(found, v)
			}
		}
	}
	slices.Sort(found)
	sum := sha256.Sum256([]byte(strings.Join(found, "\n")))
	return hex.EncodeToString(sum[:8])
}

// processor names the processor and its instructions, "" if that is not known.
var processor = sync.OnceValue(func() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close() // only read
	hash, name := sha256.New(), ""
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "" { // of the first
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch key = strings.TrimSpace(key); key {
		case "model name":
			name = strings.TrimSpace(value)
			fallthrough
		case "cpu family", "model", "stepping", "flags", "cache size":
			fmt.Fprintf(hash, "%s:%s\n", key, value)
		}
	}
	if lines.Err() != nil || name == "" {
		return ""
	}
	return name + " " + hex.EncodeToString(hash.Sum(nil)[:8])
})
