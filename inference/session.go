package inference

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	config "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"golang.org/x/sys/cpu"
	"google.golang.org/protobuf/proto"
)

// Precision is the arithmetic of the matrix products; features are float32 in any case.
type Precision string

// The precisions.
const (
	Float32  Precision = "float32"
	BFloat16 Precision = "bfloat16"
)

// Devices by name; a certain GPU is "gpu:N".
const (
	DeviceAuto = "auto"
	DeviceCPU  = "cpu"
)

// SessionConfig chooses device and arithmetic. The zero value is the best device there is,
// in float32.
type SessionConfig struct {
	Device    string
	Precision Precision
}

// ErrDevice marks a device or precision that this machine or library has not got.
var ErrDevice = errors.New("not available here")

// Validate tells what is wrong with the configuration, without opening anything.
func (c SessionConfig) Validate() error {
	if _, err := parseDevice(c.Device); err != nil {
		return err
	}
	switch c.Precision {
	case "", Float32:
	case BFloat16:
		if !cpu.X86.HasAVX512BF16 && !cpu.X86.HasAMXBF16 {
			return fmt.Errorf("inference: precision bfloat16: %w: this CPU has neither AVX512_BF16 nor AMX; use float32", ErrDevice)
		}
	default:
		return fmt.Errorf("inference: unknown precision %q: use float32 or bfloat16", c.Precision)
	}
	return nil
}

// device is a parsed device name; gpu is -1 unless a certain GPU was asked for.
type device struct {
	name string
	gpu  int
}

func parseDevice(name string) (device, error) {
	switch name {
	case "":
		return device{DeviceAuto, -1}, nil
	case DeviceAuto, DeviceCPU:
		return device{name, -1}, nil
	}
	if number, found := strings.CutPrefix(name, "gpu:"); found {
		if n, err := strconv.Atoi(number); err == nil && n >= 0 {
			return device{name, n}, nil
		}
	}
	return device{}, fmt.Errorf("inference: unknown device %q: use auto, cpu or gpu:N", name)
}

// Options are the session options of TensorFlow for this configuration.
func (c SessionConfig) Options() (*tf.SessionOptions, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	message, err := proto.Marshal(c.proto())
	if err != nil {
		return nil, fmt.Errorf("inference: encode the session's configuration: %w", err)
	}
	return &tf.SessionOptions{Config: message}, nil
}

func (c SessionConfig) proto() *config.ConfigProto {
	// Thread counts stay at TensorFlow's defaults, which measured best.
	message := &config.ConfigProto{
		AllowSoftPlacement: true, // operations without a GPU kernel run on the CPU
		GpuOptions:         &config.GPUOptions{AllowGrowth: true},
	}
	wanted, _ := parseDevice(c.Device)
	if wanted.name == DeviceCPU {
		message.DeviceCount = map[string]int32{"GPU": 0}
	}
	if wanted.gpu >= 0 {
		message.GpuOptions.VisibleDeviceList = strconv.Itoa(wanted.gpu)
	}
	if c.Precision == BFloat16 {
		message.GraphOptions = &config.GraphOptions{RewriteOptions: &config.RewriterConfig{
			AutoMixedPrecisionOnednnBfloat16: config.RewriterConfig_ON,
		}}
	}
	return message
}

// DeviceOf says which device a session runs on: "cpu" or "gpu:N". A GPU that was asked for
// and is not there is an error, never a silent run on the CPU.
func (c SessionConfig) DeviceOf(session *tf.Session) (string, error) {
	wanted, err := parseDevice(c.Device)
	if err != nil {
		return "", err
	}
	listed, err := session.ListDevices()
	if err != nil {
		return "", fmt.Errorf("inference: list devices: %w", err)
	}
	for _, d := range listed {
		if d.Type == "GPU" {
			// One visible GPU is always TensorFlow's number 0; report the user's number.
			return fmt.Sprintf("gpu:%d", max(wanted.gpu, 0)), nil
		}
	}
	if wanted.gpu >= 0 {
		return "", fmt.Errorf("inference: device %s: %w: libtensorflow %s sees no such GPU; use --device cpu or auto", wanted.name, ErrDevice, tf.Version())
	}
	return DeviceCPU, nil
}
