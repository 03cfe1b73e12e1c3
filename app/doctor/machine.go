package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/unix"

	"fovea/inference"
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

func freeDisk(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil
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
