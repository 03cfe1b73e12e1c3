package inference

// #cgo LDFLAGS: -ltensorflow
// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <stdlib.h>
// #include "tensorflow/c/c_api.h"
//
// // The file that a function comes from.
// static const char* fovea_library_path(void* symbol) {
//   Dl_info info;
//   return symbol && dladdr(symbol, &info) ? info.dli_fname : "";
// }
//
// // Whether the library says that it is built for GPUs: 1, 0, or -1 if it has no such function.
// static int fovea_built_for_gpus(void* symbol) {
//   union { void* symbol; _Bool (*call)(void); } f = {symbol};
//   return symbol ? f.call() : -1;
// }
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	kernels "github.com/galeone/tensorflow/tensorflow/go/core/framework/kernel_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/internal/libtensorflow"
)

// Library describes the libtensorflow that this process is linked with.
type Library struct {
	// Version is its release, such as "2.18.1".
	Version string `json:"version"`
	// Path is the file that it was loaded from.
	Path string `json:"path"`
	// GPU says that it was built for GPUs, whether or not one is here.
	GPU bool `json:"gpu_build"`
}

// String names the library in messages.
func (l Library) String() string {
	build := "CPU build"
	if l.GPU {
		build = "GPU build"
	}
	return fmt.Sprintf("libtensorflow %s (%s)", l.Version, build)
}

// Load loads the library, unless it has been loaded, and waits for it. Whatever needs the library does so by itself,
// but ends the program where there is none; and it takes 0.2 s, so that it is worth calling early, beside other
// work.
func Load() error {
	if err := libtensorflow.Load(); err != nil {
		return fmt.Errorf("inference: %w", err)
	}
	return nil
}

// LoadedLibrary is the library in use.
var LoadedLibrary = sync.OnceValue(func() Library {
	return Library{Version: tf.Version(), Path: C.GoString(C.fovea_library_path(libtensorflow.Symbol("TF_Version"))), GPU: builtForGPUs()}
})

// builtForGPUs asks the library. Versions that do not say are known by their kernels, which takes longer to find out
// than reading the weights.
func builtForGPUs() bool {
	if says := C.fovea_built_for_gpus(libtensorflow.Symbol("_ZN10tensorflow19IsGoogleCudaEnabledEv")); says >= 0 {
		return says == 1
	}
	return hasKernel("MatMul", "GPU")
}

// hasKernel says whether the library can compute an operation on a type of device.
func hasKernel(operation, device string) bool {
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	buffer := C.TF_GetRegisteredKernelsForOp(name, status)
	if buffer == nil || C.TF_GetCode(status) != C.TF_OK {
		return false
	}
	defer C.TF_DeleteBuffer(buffer)
	var list kernels.KernelList
	if err := proto.Unmarshal(C.GoBytes(buffer.data, C.int(buffer.length)), &list); err != nil {
		return false
	}
	return slices.ContainsFunc(list.GetKernel(), func(k *kernels.KernelDef) bool { return k.GetDeviceType() == device })
}

// Device is a device that the library can compute on.
type Device struct {
	// Name is "cpu" or "gpu:N".
	Name string `json:"name"`
	// MemoryBytes is the memory of a GPU that the library may use, 0 for CPUs.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
}

// Devices lists the devices that the library sees, the CPU first. Listed GPUs have been opened,
// which takes some of their memory until the process ends.
func Devices() (devices []Device, err error) {
	graph, err := op.NewScope().Finalize()
	if err != nil {
		return nil, fmt.Errorf("inference: list devices: %w", err)
	}
	options, err := SessionConfig{}.Options()
	if err != nil {
		return nil, err
	}
	session, err := tf.NewSession(graph, options)
	if err != nil {
		return nil, fmt.Errorf("inference: list devices: %w", err)
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	return sessionDevices(session)
}

func sessionDevices(session *tf.Session) ([]Device, error) {
	listed, err := session.ListDevices()
	if err != nil {
		return nil, fmt.Errorf("inference: list devices: %w", err)
	}
	devices := []Device{{Name: DeviceCPU}}
	for _, d := range listed {
		if d.Type == "GPU" { // "/job:localhost/replica:0/task:0/device:GPU:0"
			devices = append(devices, Device{Name: "gpu:" + d.Name[strings.LastIndexByte(d.Name, ':')+1:], MemoryBytes: d.MemoryLimitBytes})
		}
	}
	return devices, nil
}
