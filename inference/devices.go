package inference

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Devices by name. Certain GPUs are "gpu:N" and "gpu:N,gpu:M".
const (
	// DeviceAuto is the first GPU, or the CPU when there is none.
	DeviceAuto = "auto"
	DeviceCPU  = "cpu"
	// DeviceGPU is the first GPU.
	DeviceGPU     = "gpu"
	DeviceAllGPUs = "gpu:all"
)

// wish is a parsed device name. kind is one of the names above; gpus are the numbers of specific
// GPUs, which only a wish of kind DeviceGPU may have.
type wish struct {
	kind string
	gpus []int
}

func parseDevices(name string) (wish, error) {
	switch name {
	case "":
		return wish{kind: DeviceAuto}, nil
	case DeviceAuto, DeviceCPU, DeviceGPU, DeviceAllGPUs:
		return wish{kind: name}, nil
	}
	w := wish{kind: DeviceGPU}
	for part := range strings.SplitSeq(name, ",") {
		number, found := strings.CutPrefix(part, "gpu:")
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 0 {
			return wish{}, fmt.Errorf("inference: unknown device %q: use auto, cpu or gpu:N (also gpu, gpu:all, and several as gpu:0,gpu:1)", name)
		}
		if slices.Contains(w.gpus, n) {
			return wish{}, fmt.Errorf("inference: device %s names gpu:%d twice", name, n)
		}
		w.gpus = append(w.gpus, n)
	}
	return w, nil
}

// gpu says whether a GPU is required.
func (w wish) gpu() bool { return w.kind == DeviceGPU || w.kind == DeviceAllGPUs }

// visible is TensorFlow's list of GPUs to use; empty for all.
func (w wish) visible() string {
	numbers := make([]string, len(w.gpus))
	for i, n := range w.gpus {
		numbers[i] = strconv.Itoa(n)
	}
	return strings.Join(numbers, ",")
}

// Split makes a configuration for each requested device: a single one, unless the device is
// DeviceAllGPUs or names several GPUs. TensorFlow numbers GPUs once for a whole process, so all
// sessions see the same ones, and each has its graph placed on its own.
func (c SessionConfig) Split() ([]SessionConfig, error) {
	wanted, err := parseDevices(c.Device)
	if err != nil {
		return nil, err
	}
	count := len(wanted.gpus)
	if wanted.kind == DeviceAllGPUs {
		devices, err := Devices()
		if err != nil {
			return nil, err
		}
		if count = len(devices) - 1; count == 0 {
			return nil, missing(c.Device, devices)
		}
	}
	if count <= 1 {
		return []SessionConfig{c}, nil
	}
	parts := make([]SessionConfig, count)
	for i := range parts {
		parts[i] = c
		parts[i].pinned = i + 1
	}
	return parts, nil
}

// driverFile exists if NVIDIA's driver is loaded on Linux.
const driverFile = "/proc/driver/nvidia/version"

// WhyNoGPU is the likely reason why a library sees no GPU, and the remedy.
func WhyNoGPU(library Library) string {
	_, err := os.Stat(driverFile)
	switch driver := err == nil; {
	case !driver && !library.GPU:
		return "no NVIDIA driver is loaded, and the library is built for CPUs"
	case !driver:
		return "no NVIDIA driver is loaded"
	case !library.GPU:
		return "an NVIDIA driver is loaded, but the library is built for CPUs: run make deps GPU=1 to get the other one, then build again"
	}
	return "an NVIDIA driver is loaded, but CUDA does not start: check nvidia-smi, CUDA_VISIBLE_DEVICES, and the messages with --verbose"
}

// openError explains why a session could not be opened.
func (c SessionConfig) openError(err error) error {
	// TensorFlow's "'visible_device_list' listed an invalid Device id '7' but visible device
	// count is 2".
	if strings.Contains(err.Error(), "visible_device_list") {
		return fmt.Errorf("inference: device %s: %w: %w; use --device auto, or one of those GPUs", c.Device, ErrDevice, err)
	}
	return fmt.Errorf("inference: open a session: %w", err)
}
