package models

import (
	"bufio"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"fovea/inference"
	"fovea/internal/output"
	"fovea/internal/seal"
)

// surroundings are what is remembered about models depends on, besides the models.
type surroundings struct {
	Program     string `json:"program"` // the build ID
	Library     string `json:"library"` // version, file, size and time
	Environment string `json:"environment"`
	Processor   string `json:"processor"`
	Processors  int    `json:"processors"`
}

// surroundingsWith are those of this process; its library is named by the caller, as asking for it waits until it has
// been loaded.
func surroundingsWith(library string) surroundings {
	return surroundings{Program: buildID(), Library: library, Environment: tensorFlowVariables(), Processor: processor(), Processors: runtime.NumCPU()}
}

// known says whether nothing but the library may be unknown.
func (s surroundings) known() bool { return s.Program != "" && s.Processor != "" }

// remembering is the directory in which what was found about models is remembered, "" if there is none.
func (o Options) remembering() string {
	if o.Dir != "" {
		return o.Dir
	}
	dir, _ := Dir() // without one, nothing is remembered
	return dir
}

// fileOf is the file in dir for what is remembered about a subject.
func fileOf(dir string, subject any) (string, error) {
	text, err := json.Marshal(subject)
	sum := sha256.Sum256(text)
	return filepath.Join(dir, hex.EncodeToString(sum[:16])+".json"), err
}

// sealed is the text that is written of what is remembered.
func sealed(content any) ([]byte, error) {
	text, err := json.MarshalIndent(content, "", " ")
	if err != nil {
		return nil, err
	}
	return seal.Append(append(text, '\n'))
}

func writeSealed(file string, content any) error {
	text, err := sealed(content)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = output.WriteFile(file, text)
	}
	if err == nil {
		err = forget(filepath.Dir(file), mostRemembered)
	}
	return err
}

// mostRemembered is how many files a directory keeps: each build of the program, each version of a model and each choice
// of layers has its own.
const mostRemembered = 200

// forget removes all files in a directory but so many that were written last. Others may do the same.
func forget(dir string, keep int) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= keep {
		return err
	}
	written := map[string]time.Time{}
	var files []string
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && filepath.Ext(e.Name()) == ".json" {
			files, written[e.Name()] = append(files, e.Name()), info.ModTime()
		}
	}
	slices.SortFunc(files, func(a, b string) int { return written[b].Compare(written[a]) })
	for _, name := range files[min(keep, len(files)):] {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
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
