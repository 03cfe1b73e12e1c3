package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"fovea/inference"
	"fovea/internal/budget"
	"fovea/internal/disk"
	"fovea/models"
	"fovea/picture"
)

// CPU describes the processor.
type CPU struct {
	Name string `json:"name"`
	// Logical is the number of processors that this process may use.
	Logical int `json:"logical"`
	// Features are those among AVX2, AVX512F, AVX512VNNI, AVX512BF16, AMXBF16 and ASIMD that it has.
	Features []string `json:"features"`
}

// The features that decide how fast the model runs, by cpuid's names.
var features = []cpuid.FeatureID{cpuid.AVX2, cpuid.AVX512F, cpuid.AVX512VNNI, cpuid.AVX512BF16, cpuid.AMXBF16, cpuid.ASIMD}

func readCPU() CPU {
	c := CPU{Name: cpuid.CPU.BrandName, Logical: runtime.GOMAXPROCS(0), Features: []string{}}
	for _, f := range features {
		if cpuid.CPU.Supports(f) {
			c.Features = append(c.Features, f.String())
		}
	}
	return c
}

func (r *Report) cpu() {
	found := strings.TrimSpace(r.CPU.Name) + ", " + strconv.Itoa(r.CPU.Logical) + " logical"
	if len(r.CPU.Features) > 0 {
		found += ", " + strings.Join(r.CPU.Features, ", ")
	}
	faster, _ := inference.SessionConfig{}.Candidates()
	switch {
	case len(faster) > 0:
		r.add("cpu", OK, fmt.Sprintf("%s: in %s VGG16 is about %.1f times as fast as in float32 (--precision auto)", found, faster[0].Name(), faster[0].Speed), "")
	case runtime.GOARCH == "amd64" && !cpuid.CPU.Supports(cpuid.AVX2):
		r.add("cpu", Warning, found, "without AVX2 the model runs slowly: use another machine for many images")
	default:
		r.add("cpu", OK, found, "")
	}
}

// gpuModels are the GPUs that NVIDIA's driver for Linux lists.
func gpuModels() []string {
	files, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information") // the pattern is right
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if name, found := strings.CutPrefix(line, "Model:"); found {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	return names
}

// Limits below which there is a warning or a problem. The model takes 0.4 GB and a batch of 8 about 0.4 GB more;
// a full shard of pool5 takes 64 MiB.
const (
	littleMemory = 2 << 30
	noMemory     = 600 << 20
	littleDisk   = 1 << 30
	noDisk       = 64 << 20
)

// pictures looks for what decodes the formats that need a library.
func (r *Report) pictures() {
	found, err := picture.Libraries()
	r.Checks = append(r.Checks, decoders(found, err, picture.Confined(), runtime.GOOS))
}

// decoders is the check of the libraries that were found, and of whether their processes could give up their rights.
func decoders(found string, err error, confined bool, system string) Check {
	found = "AVIF, HEIC, JPEG 2000 and JPEG XL by " + found
	switch {
	case err != nil:
		return Check{"images", Warning, "AVIF, HEIC, JPEG 2000 and JPEG XL are refused", err.Error()}
	case confined:
		return Check{"images", OK, found + ", in processes without rights", ""}
	case system == "linux":
		return Check{"images", Warning, found + ", in processes with the rights of this program", "the system refuses seccomp: allow it " +
			"in the container, as Docker's default profile does, or read only such images of people whom you trust"}
	}
	return Check{"images", OK, found + ", in processes with the rights of this program: this system has no way to take them", ""}
}

func (r *Report) memory() {
	available, ok := budget.Available()
	if !ok {
		return // unknown on this system
	}
	r.MemoryBytes = available
	found := size(available) + " available"
	switch {
	case available < noMemory:
		r.add("memory", Problem, found, "the model alone takes 0.4 GB: close other programs, or raise the container's memory limit")
	case available < littleMemory:
		r.add("memory", Warning, found, "use --batch 1 to 4")
	default:
		r.add("memory", OK, found, "")
	}
}

func (r *Report) disk(out string) {
	if out == "" {
		out = "."
	}
	place := out
	for { // the dataset's directory need not exist yet
		if _, err := os.Stat(place); err == nil || filepath.Dir(place) == place {
			break
		}
		place = filepath.Dir(place)
	}
	free, err := disk.Free(place)
	if err != nil {
		r.add("disk", Warning, fmt.Sprintf("the free space in %s is unknown: %v", place, err), "name a directory that can be written to with --out")
		return
	}
	r.DiskBytes = free
	found := fmt.Sprintf("%s free in %s", size(free), place)
	const needs = "features of an image take about 20 kB whole, 2 kB averaged (docs/scale.md): free some space, or choose another --out"
	switch {
	case free < noDisk:
		r.add("disk", Problem, found, needs)
	case free < littleDisk:
		r.add("disk", Warning, found, needs)
	default:
		r.add("disk", OK, found, "")
	}
}

// cache lists the imported weights.
func (r *Report) cache() {
	dir, err := models.Dir()
	if err != nil {
		r.add("weights", Warning, err.Error(), "set FOVEA_CACHE; the built-in model needs no cache")
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		r.add("weights", Warning, err.Error(), "make the directory readable, or set FOVEA_CACHE to another one")
		return
	}
	found := "built-in VGG16"
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			found += fmt.Sprintf(", %s (%s)", entry.Name(), size(info.Size()))
		}
	}
	r.add("weights", OK, fmt.Sprintf("%s; imported weights are kept in %s", found, dir), "")
}
