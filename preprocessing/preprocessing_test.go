package preprocessing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type golden struct {
	Pixels []int                `json:"pixels"`
	Luma   string               `json:"luma_sha256"`
	Values map[string][]float32 `json:"values"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("../testdata/preprocessing/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// Numbers agree with what the published code of each preset computes.
func TestApplyAgreesWithPublishedCode(t *testing.T) {
	g := readGolden(t)
	pix := make([]uint8, len(g.Pixels))
	for i, v := range g.Pixels {
		pix[i] = uint8(v)
	}
	for text, want := range g.Values {
		spec, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(pix)/3*spec.Depth())
		spec.Apply(got, pix)
		if len(got) != len(want) {
			t.Fatalf("%s: %d numbers, want %d", text, len(got), len(want))
		}
		for i := range want {
			// Keras computes caffe and torch in float32 steps: an ulp or two of numbers up to 255.
			if math.Abs(float64(got[i]-want[i])) > 3e-5 {
				t.Errorf("%s: number %d is %v, want %v", text, i, got[i], want[i])
			}
		}
	}
	for _, name := range Names() {
		if g.Values[name] == nil {
			t.Errorf("preset %s has no golden values", name)
		}
	}
}

func TestLumaIsPillows(t *testing.T) {
	all := make([]byte, 0, 1<<24)
	for rgb := range 1 << 24 {
		all = append(all, luma(uint8(rgb>>16), uint8(rgb>>8), uint8(rgb)))
	}
	sum := sha256.Sum256(all)
	if got, want := hex.EncodeToString(sum[:]), readGolden(t).Luma; got != want {
		t.Errorf("the luma of all colours hashes to %s, Pillow's to %s", got, want)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"caffe": Caffe,
		"channels=bgr,mean=103.939,116.779,123.68":           Caffe,
		"rgb_means,channels=rgb":                             RGBMeans,
		"scale=1/255,mean=.485,.456,.406,std=.229,.224,.225": Torch,
		"range=-1,1":                TF,
		"range=0,1":                 ZeroOne,
		"scale=0.00392156862745098": ZeroOne,
		"scale=1/255,mean=0.48235,0.45882,0.40784,std=1/255":                    TorchFeatures,
		"channels=RGB, range=0, 255":                                            None,
		"torch,layout=nchw":                                                     Torch.WithLayout(NCHW),
		"torch,channels=bgr":                                                    New(BGR, 255, [3]float64{.485, .456, .406}, [3]float64{.229, .224, .225}),
		"channels=gray,scale=1/255,mean=0.5,std=0.5":                            {Channels: Gray, Divisor: 255, Mean: [4]float64{.5}, Std: [4]float64{.5}},
		"channels=rgba,mean=1,2,3,4":                                            {Channels: RGBA, Divisor: 1, Mean: [4]float64{1, 2, 3, 4}, Std: [4]float64{1, 1, 1, 1}},
		"channels=bgr,scale=1/255,mean=0.485,0.456,0.406,std=0.229,0.224,0.225": New(BGR, 255, [3]float64{.485, .456, .406}, [3]float64{.229, .224, .225}),
		"channels=rgb,scale=1/57.375,mean=0,std=1":                              New(RGB, 57.375, [3]float64{}, unit),
		"vggface": VGGFace,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
			continue
		}
		again, err := Parse(got.String())
		if err != nil || again != got {
			t.Errorf("%q is written as %q, which is read as %+v (%v)", text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "empty part",
		"cafe":                      "use caffe, torch",
		"torch,caffe":               "unknown preprocessing",
		"color=bgr":                 "the keys are channels",
		"channels=hsv":              "unknown channels",
		"channels=bgr,rgb":          "one value, not 2",
		"scale=255":                 "1/255 rather than 255",
		"scale=0":                   "not a positive number",
		"scale=-1":                  "not a positive number",
		"scale=1/0":                 "not a positive number",
		"scale=NaN":                 "neither a number nor a fraction",
		"scale=1/255,range=0,1":     "cannot both be given",
		"range=0,1,mean=0.5":        "cannot both be given",
		"range=1,0":                 "the smaller first",
		"scale=1/255,scale=1":       "stated twice",
		"mean=1,2":                  "has 3 channels",
		"channels=gray,mean=1,2,3":  "has 1 channels",
		"torch,channels=gray":       "has 1 channels",
		"std=0":                     "not positive",
		"layout=nhcw":               "unknown layout",
		"mean=":                     "neither a number",
		"channels=rgb,,scale=1/255": "empty part",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for content, want := range map[string]Spec{
		`{"preset": "torch"}`:                   Torch,
		`{"preset": "torch", "layout": "nchw"}`: Torch.WithLayout(NCHW),
		`{"scale": "1/255", "std": "1/255", "mean": [0.48235, 0.45882, 0.40784]}`: TorchFeatures,
		`{"channels": "bgr", "mean": [103.939, 116.779, 123.68]}`:                 Caffe,
		`{"range": [-1, 1]}`: TF,
		`{"scale": 0.00392156862745098, "mean": 0, "std": 1}`: ZeroOne,
	} {
		if got, err := Load(write("p.JSON", content)); err != nil || got != want {
			t.Errorf("%s is %+v (%v)", content, got, err)
		}
	}
	for content, want := range map[string]string{
		`{"image_mean": [1, 2, 3]}`: "the keys are preset",
		`{"mean": "x"}`:             "neither a number",
		`{"mean": {}}`:              "a list of numbers",
		`[]`:                        "cannot unmarshal",
		`{"preset": "x"}`:           "unknown preset",
	} {
		if _, err := Load(write("bad.json", content)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%s gives %v; want an error with %q", content, err, want)
		}
	}
	several := write("several.json", `{"std": 0, "mean": "x", "range": [1, 0]}`)
	_, first := Load(several)
	for range 20 {
		if _, again := Load(several); first == nil || again.Error() != first.Error() {
			t.Fatalf("several mistakes are told of in another order: %v, and %v", first, again)
		}
	}
	if _, err := Load(filepath.Join(dir, "none.json")); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("a missing file gives %v", err)
	}
	if got, err := Load("caffe"); err != nil || got != Caffe {
		t.Errorf("caffe is %v, %v", got, err)
	}
}

// Recipes and manifests of earlier versions hold a preset's name; it must come back as it
// was written, or fingerprints would change.
func TestJSONIsAString(t *testing.T) {
	for _, text := range append(Names(), "", "channels=bgr,scale=1/255,mean=0.5,0.5,0.5,std=1,1,1,layout=nchw") {
		quoted, _ := json.Marshal(text)
		var s Spec
		if err := json.Unmarshal(quoted, &s); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(s); err != nil || string(got) != string(quoted) {
			t.Errorf("%s comes back as %s, %v", quoted, got, err)
		}
	}
	var s Spec
	if err := json.Unmarshal([]byte(`"something later"`), &s); err == nil {
		t.Error("an unknown preprocessing is read")
	}
}

func TestDescribe(t *testing.T) {
	for spec, want := range map[Spec]string{
		Caffe: "BGR, minus 103.939, 116.779, 123.68; -123.7 to 151.1",
		Torch: "RGB times 1/255, minus 0.485, 0.456, 0.406, divided by 0.229, 0.224, 0.225; -2.118 to 2.64",
		None:  "RGB; 0 to 255",
		{}:    "unknown",
	} {
		if got := spec.Describe(); got != want {
			t.Errorf("%s is described as %q, want %q", spec, got, want)
		}
	}
	if d := Torch.Details(); d.Scale != 1./255 || !slices.Equal(d.Mean, []float64{.485, .456, .406}) {
		t.Errorf("torch's details are %+v", d)
	}
	if got := Candidates(Caffe, TF); strings.Count(got, "\n") != 1 || !strings.Contains(got, "--preprocessing caffe  (BGR") {
		t.Errorf("candidates are listed as %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		f.Add(name)
	}
	f.Add("channels=bgr,scale=1/255,mean=1,2,3,std=0.5,layout=nchw")
	f.Add("range=-1,1,channels=gray")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(spec.String())
		if err != nil || again != spec {
			t.Errorf("%q is written as %q, which is read as %+v (%v), not %+v", text, spec, again, err, spec)
		}
		dst := make([]float32, spec.Depth())
		spec.Apply(dst, []byte{1, 2, 3})
	})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"preset": "torch", "channels": "bgr", "scale": "1/255", "mean": [1,2,3], "std": 1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if spec, err := parseJSON(data); err == nil && spec.Validate() != nil {
			t.Errorf("%q is read as an invalid %+v", data, spec)
		}
	})
}

func TestAffine(t *testing.T) {
	third := []float64{1 / 0.229 / 255, 1 / 0.224 / 255, 1 / 0.225 / 255}
	for name, test := range map[string]struct {
		channels      Channels
		scale, offset []float64
		want          string
	}{
		"Rescaling(1/255)":       {RGB, []float64{1. / 255}, []float64{0}, "zero_one"},
		"float32 of 1/255":       {RGB, []float64{float64(float32(1. / 255))}, []float64{0}, "zero_one"},
		"Rescaling(1/127.5, -1)": {RGB, []float64{1 / 127.5}, []float64{-1}, "tf"},
		"means":                  {BGR, []float64{1}, []float64{-103.939, -116.779, -123.68}, "caffe"},
		"mean and deviation":     {RGB, third, []float64{-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225}, "torch"},
		"nothing":                {RGB, []float64{1}, []float64{0}, "none"},
		"of its own":             {Gray, []float64{1. / 64}, []float64{-2}, "channels=gray,scale=1/64,mean=2,std=1"},
		"a channel at a time":    {RGB, []float64{1, 0.5, 0.25}, []float64{0, 1, 2}, "channels=rgb,mean=0,-2,-8,std=1,2,4"},
	} {
		got, err := Affine(test.channels, test.scale, test.offset)
		if err != nil || got.String() != test.want {
			t.Errorf("%s is %s (%v), want %s", name, got, err, test.want)
		}
	}
	for name, test := range map[string]struct{ scale, offset []float64 }{
		"one too few": {[]float64{1, 2}, []float64{0}}, "negative": {[]float64{-1}, []float64{0}}, "not a number": {[]float64{1}, []float64{math.NaN()}},
	} {
		if got, err := Affine(RGB, test.scale, test.offset); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}
