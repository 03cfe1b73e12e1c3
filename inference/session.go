package inference

import (
	"errors"
	"fmt"
	"os"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	config "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Precision is the arithmetic of the matrix products; features are always float32.
type Precision string

// The precisions.
const (
	Float32 Precision = "float32"
	// BFloat16 is for CPUs that support it.
	BFloat16 Precision = "bfloat16"
	// Int16 is for CPUs: the products of 3x3 convolutions (package convolution) are of whole numbers
	// of 12 to 15 bits, whose scales follow the pixels; everything else is float32.
	Int16 Precision = "int16"
	// Int8 is for CPUs with AMX: the products of 3x3 convolutions are of bytes, whose scale follows each
	// image's largest value in a layer; maps between them are bfloat16, and everything else float32.
	Int8 Precision = "int8"
	// TF32 is for NVIDIA GPUs from the Ampere generation on: factors are rounded to 10 bits of
	// mantissa, sums are float32. TensorFlow itself uses it for float32; here float32 means float32
	// on every device.
	TF32 Precision = "tf32"
	// Float16 is for GPUs: mixed precision, with float32 where half precision does not suffice.
	Float16 Precision = "float16"
)

// PrecisionAuto is the fastest precision whose features drift from float32 by at most
// SessionConfig.MaxDrift; package models, which knows the model, chooses it.
const PrecisionAuto Precision = "auto"

// SessionConfig selects devices and arithmetic. The zero value is the best available device, in
// float32.
type SessionConfig struct {
	// Device is DeviceAuto (also ""), DeviceCPU, DeviceGPU, DeviceAllGPUs, "gpu:N", or several of
	// the last, separated by commas. A configuration of several GPUs is for Split; a session has
	// one.
	Device    string
	Precision Precision
	// MaxDrift is how far averaged features in the precision that PrecisionAuto takes may be from those
	// in float32, as 1 - cosine (default DefaultMaxDrift, at most MostMaxDrift).
	MaxDrift float64
	// GPUMemoryFraction is the fraction of a GPU's memory that may be used, up to 1; 0 means all of
	// it. Memory is always allocated as needed.
	GPUMemoryFraction float64
	// ChannelsLast makes operations on images in NCHW order compute in NHWC order on CPUs, where
	// TensorFlow has no others for most of them.
	ChannelsLast bool
	// Unfused keeps convolutions separate from what follows them. TensorFlow also fuses grouped
	// ones, which it then cannot compute on CPUs.
	Unfused bool
	// Unrewritten keeps TensorFlow from changing graphs before they run, which takes a second for each choice of
	// outputs. It is for graphs in which there is nothing to gain (convolution.Whole).
	Unrewritten bool

	// pinned is the number, among the visible GPUs, of the GPU that the graph is for; see Split. It
	// is counted from 1, so that 0 leaves the choice to TensorFlow.
	pinned int
}

// ErrDevice marks a device or precision that this machine or library does not have.
var ErrDevice = errors.New("not available here")

// Validate reports what is wrong with the configuration, without opening anything.
func (c SessionConfig) Validate() error {
	wanted, err := parseDevices(c.Device)
	if err != nil {
		return err
	}
	if !(c.GPUMemoryFraction >= 0 && c.GPUMemoryFraction <= 1) {
		return fmt.Errorf("inference: a share of %g of the GPU's memory: use a number from 0 to 1", c.GPUMemoryFraction)
	}
	if err := c.validateDrift(); err != nil {
		return err
	}
	switch p := c.Precision; {
	case p == "" || p == Float32 || p == PrecisionAuto:
	case p.lowOnCPU():
		if wanted.gpu() {
			return fmt.Errorf("inference: precision %s is for CPUs: use float16 on %s", p, c.Device)
		}
		return p.checkCPU()
	case p == Float16 || p == TF32:
		if wanted.kind == DeviceCPU {
			return fmt.Errorf("inference: precision %s needs a GPU: use %s on the CPU", p, fasterThan(0))
		}
	default:
		return fmt.Errorf("inference: unknown precision %q: use %s (CPUs), tf32 or float16 (GPUs), or auto", p, ofCPUs())
	}
	return nil
}

// Options are TensorFlow's session options for this configuration.
func (c SessionConfig) Options() (*tf.SessionOptions, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Precision == PrecisionAuto {
		return nil, errors.New("inference: precision auto is not one to compute in: it has to be chosen for a model")
	}
	if wanted, _ := parseDevices(c.Device); len(wanted.gpus) > 1 && c.pinned == 0 {
		return nil, c.tooMany()
	}
	if err := errors.Join(c.chooseTF32(), keepMemory()); err != nil {
		return nil, err
	}
	message, err := proto.Marshal(c.proto())
	if err != nil {
		return nil, fmt.Errorf("inference: encode the session's configuration: %w", err)
	}
	return &tf.SessionOptions{Config: message}, nil
}

// tf32Variable is read by NVIDIA's libraries when the first session of a process computes;
// TensorFlow's C API offers no other way to them. The first session's choice holds.
const tf32Variable = "NVIDIA_TF32_OVERRIDE"

func (c SessionConfig) chooseTF32() error {
	var err error
	switch wanted, _ := parseDevices(c.Device); {
	case wanted.kind == DeviceCPU:
	case c.Precision == TF32:
		err = os.Unsetenv(tf32Variable)
	default:
		err = os.Setenv(tf32Variable, "0")
	}
	if err != nil {
		return fmt.Errorf("inference: choose the GPU's arithmetic: %w", err)
	}
	return nil
}

// allocatorVariable is read by TensorFlow when the first session of a process opens: 1 makes it
// keep the memory of a CPU's tensors for the next ones. Otherwise each Run requests all of it from
// the system again and returns it, which takes a tenth of the time of a VGG's convolutions. It
// keeps at most what one Run uses, so that the peak is no higher.
const allocatorVariable = "TF_CPU_ALLOCATOR_USE_BFC"

// Allocator is what the environment has, as os.Environ gives it, once a session was opened, unless the user has set the
// variable.
const Allocator = allocatorVariable + "=1"

// keepMemory sets the variable, unless the user has.
func keepMemory() error {
	if _, set := os.LookupEnv(allocatorVariable); set {
		return nil
	}
	if err := os.Setenv(allocatorVariable, "1"); err != nil {
		return fmt.Errorf("inference: choose TensorFlow's allocator: %w", err)
	}
	return nil
}

func (c SessionConfig) proto() *config.ConfigProto {
	// Thread counts stay at TensorFlow's defaults, which measured best.
	message := &config.ConfigProto{
		AllowSoftPlacement: true, // operations without a GPU kernel run on the CPU
		GpuOptions:         &config.GPUOptions{AllowGrowth: true, PerProcessGpuMemoryFraction: c.GPUMemoryFraction},
	}
	wanted, _ := parseDevices(c.Device)
	if wanted.kind == DeviceCPU {
		message.DeviceCount = map[string]int32{"GPU": 0}
	}
	message.GpuOptions.VisibleDeviceList = wanted.visible()
	if rewrite := c.rewriting(); rewrite != nil {
		message.GraphOptions = &config.GraphOptions{RewriteOptions: rewrite}
	}
	return message
}

// rewriting configures how TensorFlow changes graphs, nil for its default.
func (c SessionConfig) rewriting() *config.RewriterConfig {
	rewrite := new(config.RewriterConfig)
	switch c.Precision {
	case BFloat16:
		rewrite.AutoMixedPrecisionOnednnBfloat16 = config.RewriterConfig_ON
	case Float16:
		rewrite.AutoMixedPrecision = config.RewriterConfig_ON
	}
	if c.Unfused {
		rewrite.Remapping = config.RewriterConfig_OFF
	}
	if c.ChannelsLast {
		rewrite.CpuLayoutConversion = config.RewriterConfig_NCHW_TO_NHWC
	}
	rewrite.DisableMetaOptimizer = c.Unrewritten
	if proto.Size(rewrite) == 0 {
		return nil
	}
	return rewrite
}

// Placement is the device that a graph's operations must be placed on for this session; empty where
// TensorFlow chooses.
func (c SessionConfig) Placement() string {
	if c.pinned == 0 {
		return ""
	}
	return fmt.Sprintf("/device:GPU:%d", c.pinned-1)
}

// DeviceOf returns the device that a session runs on: "cpu" or "gpu:N". A missing GPU that was
// requested is an error, never a silent run on the CPU; so is a GPU's arithmetic without a GPU.
func (c SessionConfig) DeviceOf(session *tf.Session) (string, error) {
	devices, err := sessionDevices(session)
	if err != nil {
		return "", err
	}
	return c.choose(devices)
}

// choose picks the session's device from those that it lists.
func (c SessionConfig) choose(devices []Device) (string, error) {
	wanted, err := parseDevices(c.Device)
	if err != nil {
		return "", err
	}
	gpus := devices[1:]
	place := max(c.pinned-1, 0)
	switch {
	case wanted.kind == DeviceAllGPUs && c.pinned == 0 && len(gpus) > 1:
		return "", c.tooMany()
	case place < len(gpus):
		if c.Precision.lowOnCPU() {
			return "", fmt.Errorf("inference: precision %s is for CPUs, but the device is %s: use --device cpu, or --precision float16", c.Precision, gpus[place].Name)
		}
		if len(wanted.gpus) > 0 { // the visible ones count from 0; report the user's number
			return fmt.Sprintf("gpu:%d", wanted.gpus[place]), nil
		}
		return gpus[place].Name, nil
	case wanted.gpu():
		return "", missing(c.Device, devices)
	case c.Precision == Float16 || c.Precision == TF32:
		return "", fmt.Errorf("inference: precision %s: %w: it needs a GPU, and %s; use %s", c.Precision, ErrDevice, seen(devices), fasterThan(0))
	}
	return DeviceCPU, nil
}

// tooMany refuses several GPUs where nothing is spread over them (see Split).
func (c SessionConfig) tooMany() error {
	return fmt.Errorf("inference: device %s: only one GPU can be used here: name one of them", c.Device)
}

// missing is the error that a GPU is missing, with what there is.
func missing(device string, devices []Device) error {
	return fmt.Errorf("inference: device %s: %w: %s; use --device cpu or auto", device, ErrDevice, seen(devices))
}

// seen lists the devices and, if there is no GPU, the likely reason.
func seen(devices []Device) string {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.Name
	}
	library := LoadedLibrary()
	text := fmt.Sprintf("%s sees no such GPU, only %s", library, strings.Join(names, ", "))
	if len(devices) == 1 {
		text += " (" + WhyNoGPU(library) + ")"
	}
	return text
}
