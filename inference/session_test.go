package inference

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	config "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"golang.org/x/sys/cpu"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

func TestSessionConfigRefuses(t *testing.T) {
	for want, c := range map[string]SessionConfig{
		`unknown device "tpu"`:          {Device: "tpu"},
		`unknown device "gpu:-1"`:       {Device: "gpu:-1"},
		`unknown device "gpu:one"`:      {Device: "gpu:one"},
		`unknown device "gpu:0,1"`:      {Device: "gpu:0,1"},
		"names gpu:1 twice":             {Device: "gpu:1,gpu:0,gpu:1"},
		"unknown precision":             {Precision: "float8"},
		"share of 1.5":                  {GPUMemoryFraction: 1.5},
		"share of -1":                   {GPUMemoryFraction: -1},
		"float16 needs a GPU":           {Device: DeviceCPU, Precision: Float16},
		"tf32 needs a GPU":              {Device: DeviceCPU, Precision: TF32},
		"only one GPU can be used":      {Device: "gpu:0,gpu:1"},
		"auto is not one to compute in": {Precision: PrecisionAuto},
		"drift is for precision auto":   {Precision: Float32, MaxDrift: 1e-4},
		"largest drift of 0.9999: use":  {Precision: PrecisionAuto, MaxDrift: 0.9999},
		"largest drift of -1e-05":       {Precision: PrecisionAuto, MaxDrift: -1e-5},
		"1e-4 for a cosine of 0.9999":   {Precision: PrecisionAuto, MaxDrift: math.NaN()},
	} {
		if _, err := c.Options(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: the error is %v, want one with %q", c, err, want)
		}
	}
}

// without takes features from the CPU that the test sees.
func without(t *testing.T, features ...*bool) {
	t.Helper()
	for _, f := range features {
		had := *f
		t.Cleanup(func() { *f = had })
		*f = false
	}
}

// with gives the CPU that the test sees features.
func with(t *testing.T, features ...*bool) {
	t.Helper()
	without(t, features...)
	for _, f := range features {
		*f = true
	}
}

// What low precision says of CPUs with and without its instructions.
func TestLowPrecisionByCPU(t *testing.T) {
	x := &cpu.X86
	vnni := []*bool{&x.HasAVX512F, &x.HasAVX512BW, &x.HasAVX512DQ, &x.HasAVX512VL, &x.HasAVX512VNNI}
	small, whole := SessionConfig{Device: DeviceCPU, Precision: BFloat16}, SessionConfig{Device: DeviceCPU, Precision: Int16}
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	for _, missing := range vnni {
		t.Run("no VNNI", func(t *testing.T) {
			with(t, append(vnni[:len(vnni):len(vnni)], &x.HasAVX512BF16)...)
			if err := errors.Join(whole.Validate(), small.Validate()); err != nil {
				t.Error(err)
			}
			without(t, missing, &x.HasAVXVNNI, &x.HasAVX2)
			if err := whole.Validate(); !errors.Is(err, ErrDevice) {
				t.Errorf("the error is %v, want ErrDevice", err)
			}
			refused(whole.Validate(), "neither AVX-512 VNNI nor AVX-VNNI nor AVX2 without AVX-512; use float32")
		})
	}
	amx := AMX
	t.Cleanup(func() { AMX = amx })
	AMX = func() error { return nil }
	if err := small.Slower(); err != nil {
		t.Errorf("with AMX: %v", err)
	}
	AMX = func() error { return errors.New("none") }
	with(t, append(vnni[:len(vnni):len(vnni)], &x.HasAVX512BF16)...)
	refused(small.Slower(), "bfloat16 is slower than float32 on this CPU, which has no AMX: use --precision int16 or float32")
	if err := errors.Join(whole.Slower(), SessionConfig{}.Slower()); err != nil {
		t.Error(err)
	}
	without(t, &x.HasAVX512VNNI, &x.HasAVX512BF16, &x.HasAMXBF16, &x.HasAVXVNNI)
	refused(small.Validate(), "neither AMX nor AVX512_BF16; use float32")
	refused(SessionConfig{Device: "gpu:0", Precision: Int16}.Validate(), "int16")
	with(t, vnni...)
	refused(SessionConfig{Device: "gpu:0", Precision: Int16}.Validate(), "precision int16 is for CPUs: use float16 on gpu:0")
}

// The configurations are those that TensorFlow's own Python makes; see make_configs.py.
func TestSessionConfigGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/session_configs.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]string
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	configs := map[string]SessionConfig{
		"auto":                        {},
		"cpu":                         {Device: DeviceCPU},
		"cpu bfloat16":                {Device: DeviceCPU, Precision: BFloat16},
		"gpu:1":                       {Device: "gpu:1"},
		"gpu:0,gpu:2 half the memory": {Device: "gpu:0,gpu:2", GPUMemoryFraction: 0.5},
		"gpu float16":                 {Device: DeviceGPU, Precision: Float16},
		"gpu tf32":                    {Device: DeviceGPU, Precision: TF32},
	}
	if len(golden) != len(configs) {
		t.Errorf("%d golden values for %d configurations", len(golden), len(configs))
	}
	for name, c := range configs {
		encoded, err := hex.DecodeString(golden[name])
		if err != nil {
			t.Fatal(err)
		}
		want := new(config.ConfigProto)
		if err := proto.Unmarshal(encoded, want); err != nil {
			t.Fatal(err)
		}
		if got := c.proto(); !proto.Equal(got, want) {
			t.Errorf("%s: the configuration is %s, want %s", name, prototext.Format(got), prototext.Format(want))
		}
	}
}

// What a session may list, and what is made of it.
func TestChooseDevice(t *testing.T) {
	cpu := []Device{{Name: "cpu"}}
	one := append(cpu[:1:1], Device{Name: "gpu:0"})
	two := append(one[:2:2], Device{Name: "gpu:1"})
	for name, test := range map[string]struct {
		config SessionConfig
		listed []Device
		want   string // the device, or a part of the error
	}{
		"auto without":        {SessionConfig{}, cpu, "cpu"},
		"auto with":           {SessionConfig{}, two, "gpu:0"},
		"any GPU":             {SessionConfig{Device: DeviceGPU}, two, "gpu:0"},
		"any GPU, none":       {SessionConfig{Device: DeviceGPU}, cpu, "sees no such GPU, only cpu"},
		"all GPUs, none":      {SessionConfig{Device: DeviceAllGPUs}, cpu, "sees no such GPU, only cpu"},
		"all GPUs, one":       {SessionConfig{Device: DeviceAllGPUs}, one, "gpu:0"},
		"all GPUs, not split": {SessionConfig{Device: DeviceAllGPUs}, two, "only one GPU can be used here"},
		"GPU 3 alone visible": {SessionConfig{Device: "gpu:3"}, one, "gpu:3"},
		"GPU 3, none":         {SessionConfig{Device: "gpu:3"}, cpu, "use --device cpu or auto"},
		"second of two":       {SessionConfig{Device: "gpu:5,gpu:3", pinned: 2}, two, "gpu:3"},
		"second of all":       {SessionConfig{Device: DeviceAllGPUs, pinned: 2}, two, "gpu:1"},
		"second of two, one":  {SessionConfig{Device: "gpu:5,gpu:3", pinned: 2}, one, "only cpu, gpu:0"},
		"float16 without":     {SessionConfig{Precision: Float16}, cpu, "it needs a GPU"},
		"tf32 without":        {SessionConfig{Precision: TF32}, cpu, "it needs a GPU"},
		"float16 with":        {SessionConfig{Precision: Float16}, one, "gpu:0"},
		"bfloat16 on a GPU":   {SessionConfig{Precision: BFloat16}, one, "use --device cpu, or --precision float16"},
		"int16 on a GPU":      {SessionConfig{Precision: Int16}, one, "use --device cpu, or --precision float16"},
		"bfloat16 on the CPU": {SessionConfig{Precision: BFloat16}, cpu, "cpu"},
	} {
		got, err := test.config.choose(test.listed)
		if err != nil {
			got = err.Error()
			if !strings.Contains(got, test.want) {
				t.Errorf("%s: the error is %q, want one with %q", name, got, test.want)
			}
		} else if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestSplit(t *testing.T) {
	parts, err := SessionConfig{Device: "gpu:2,gpu:0"}.Split()
	if err != nil || len(parts) != 2 || parts[0].Placement() != "/device:GPU:0" || parts[1].Placement() != "/device:GPU:1" {
		t.Errorf("two GPUs are split into %+v, %v", parts, err)
	}
	for _, device := range []string{"", DeviceAuto, DeviceCPU, DeviceGPU, "gpu:2"} {
		if parts, err := (SessionConfig{Device: device}).Split(); err != nil || len(parts) != 1 || parts[0].Placement() != "" {
			t.Errorf("%q is split into %+v, %v", device, parts, err)
		}
	}
}

// float32 is float32 on GPUs too, which left alone compute in TF32.
func TestTF32(t *testing.T) {
	for _, test := range []struct {
		config SessionConfig
		want   string
		set    bool
	}{
		{SessionConfig{}, "0", true},
		{SessionConfig{Device: DeviceGPU, Precision: Float32}, "0", true},
		{SessionConfig{Device: DeviceGPU, Precision: TF32}, "", false},
		{SessionConfig{Device: DeviceCPU}, "left alone", true},
	} {
		t.Setenv(tf32Variable, "left alone")
		if _, err := test.config.Options(); err != nil {
			t.Fatal(err)
		}
		if got, set := os.LookupEnv(tf32Variable); got != test.want || set != test.set {
			t.Errorf("%+v: %s is %q (%v), want %q (%v)", test.config, tf32Variable, got, set, test.want, test.set)
		}
	}
}

// On the machine at hand: the CPU works, and a GPU that is not there is never passed over.
func TestNewSession(t *testing.T) {
	graph, err := op.NewScope().Finalize()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = NewSession(graph, SessionConfig{Device: "gpu:77"}); !errors.Is(err, ErrDevice) {
		t.Errorf("gpu:77 gives %v, want ErrDevice", err)
	}
	session, device, err := NewSession(graph, SessionConfig{Device: DeviceCPU})
	if err != nil || device != DeviceCPU {
		t.Fatalf("device cpu gives %q, %v", device, err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

func TestLibrary(t *testing.T) {
	library := LoadedLibrary()
	if _, err := os.Stat(library.Path); err != nil || !strings.Contains(library.Path, "tensorflow") {
		t.Errorf("the library's path is %q: %v", library.Path, err)
	}
	if strings.Count(library.Version, ".") != 2 {
		t.Errorf("the library's version is %q", library.Version)
	}
	if !hasKernel("MatMul", "CPU") || hasKernel("MatMul", "ABACUS") || hasKernel("NoSuchOperation", "CPU") {
		t.Error("the kernels of the library are not told right")
	}
	if builtForGPUs() != hasKernel("MatMul", "GPU") {
		t.Error("what the library says of GPUs is not what its kernels say")
	}
	devices, err := Devices()
	if err != nil || len(devices) == 0 || devices[0].Name != DeviceCPU {
		t.Errorf("the devices are %v, %v", devices, err)
	}
}
