package servable

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	versionspb "github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
	"fovea/picture"
	"fovea/preprocessing"
)

// openGraph is a session with nodes of a graph.
func openGraph(t *testing.T, n *nodes, functions []*functionpb.FunctionDef) (*tf.Session, *tf.Graph) {
	t.Helper()
	encoded, err := proto.Marshal(&graphpb.GraphDef{
		Node: n.list, Library: &functionpb.FunctionDefLibrary{Function: functions},
		Versions: &versionspb.VersionDef{Producer: graphVersion, MinConsumer: minConsumer},
	})
	if err != nil {
		t.Fatal(err)
	}
	graph := tf.NewGraph()
	if err := graph.Import(encoded, ""); err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session, graph
}

// decoder runs the first part of a servable alone: files in, pixels out.
func decoder(t *testing.T, o picture.Options) func(files [][]byte) ([]uint8, error) {
	t.Helper()
	n := &nodes{}
	files := n.add("Placeholder", Input, nil, attributes{"dtype": typeOf(stringType), "shape": shapeOf(-1)})
	pixels, functions, err := n.pixels(files, o, "")
	if err != nil {
		t.Fatal(err)
	}
	session, graph := openGraph(t, n, functions)
	return func(contents [][]byte) ([]uint8, error) {
		values := make([]string, len(contents))
		for i, c := range contents {
			values[i] = string(c)
		}
		tensor, err := tf.NewTensor(values)
		if err != nil {
			return nil, err
		}
		results, err := session.Run(map[tf.Output]*tf.Tensor{graph.Operation(Input).Output(0): tensor}, []tf.Output{graph.Operation(pixels).Output(0)}, nil)
		if err != nil {
			return nil, err
		}
		var out strings.Builder
		if err := inference.WriteContents(&out, results[0]); err != nil {
			return nil, err
		}
		return []uint8(out.String()), nil
	}
}

// distance is the largest difference between the pixels of two images, and the share that differs.
func distance(a, b []uint8) (largest int, share float64) {
	if len(a) != len(b) {
		return math.MaxInt, 1
	}
	for i := range a {
		if d := int(a[i]) - int(b[i]); d != 0 {
			largest = max(largest, d, -d)
			share += 1 / float64(len(a))
		}
	}
	return largest, share
}

// unlike are images that TensorFlow decodes differently from package picture: with an orientation
// that is not in a JPEG's EXIF, GIFs that do not fill their canvas, and CMYK without Adobe's marker.
var unlike = regexp.MustCompile(`^exif-6\.png|exif-text|^xmp-[36]\.|^xmp-6-compressed|gif-(offset|transparent)|cmyk-unmarked`)

// refused are images that TensorFlow cannot decode.
var refused = regexp.MustCompile(`\.(tiff|webp|bmp|txt|py|sh)$|gif-animated`)

// maxShare is the share of an image's pixels that may differ by 1. It is largest in small images
// scaled by whole factors, where many sums lie on the boundary of two values.
const maxShare = 0.025

func TestPixelsAgreeWithPicture(t *testing.T) {
	files, err := filepath.Glob("../testdata/picture/*.*")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d test images, %v", len(files), err)
	}
	more, err := filepath.Glob(photos + "/*.*g")
	if err != nil {
		t.Fatal(err)
	}
	options := picture.Options{Width: 224, Height: 224}
	run, equal, worst := decoder(t, options), 0, 0.0
	for _, file := range append(files, more...) {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := picture.Decode(data, options)
		got, runErr := run([][]byte{data})
		switch largest, share := distance(got, want.Pix); {
		case refused.MatchString(name) || err != nil:
			if runErr == nil && err == nil {
				t.Errorf("%s is decoded", name)
			}
		case runErr != nil:
			t.Errorf("%s: %v", name, runErr)
		case unlike.MatchString(name):
			if largest <= 1 {
				t.Errorf("%s is decoded like others: say so", name)
			}
		case largest > 1 || share > maxShare:
			t.Errorf("%s: pixels differ by %d, %.2f %% of them", name, largest, 100*share)
		default:
			equal++
			worst = max(worst, share)
		}
	}
	if equal < 60 {
		t.Errorf("only %d images were compared", equal)
	}
	t.Logf("%d images, of whose values at most %.2f %% differ by 1", equal, 100*worst)
}

// Every resize, filter and view, for several images at a time.
func TestWaysAgreeWithPicture(t *testing.T) {
	if testing.Short() {
		t.Skip("resizes images of 17 shapes")
	}
	names := []string{"cat.1.png", "cat.3.jpg", "other.2.jpg"}
	files := photoFiles(t, names...)
	for _, resize := range []picture.Resize{picture.Squash, picture.Crop} {
		for _, by := range []picture.Interpolation{picture.Bilinear, picture.Bicubic, picture.Lanczos, picture.Nearest} {
			for _, views := range []picture.Views{picture.Center, picture.Flip, picture.TenCrop} {
				o := picture.Options{Width: 96, Height: 96, Resize: resize, Interpolation: by, Views: views}
				if resize == picture.Squash {
					o.Height = 64
				}
				got, err := decoder(t, o)(files)
				if err != nil {
					t.Fatal(err)
				}
				size := len(got) / len(files)
				for i, file := range files {
					want, err := picture.Decode(file, o)
					if err != nil {
						t.Fatal(err)
					}
					// Nearest picks a neighbour for some samples, since positions are summed up.
					largest, share := distance(got[i*size:(i+1)*size], want.Pix)
					if (largest > 1 && by != picture.Nearest) || share > maxShare {
						t.Errorf("%s, %s, %s, %s: pixels differ by %d, %.2f %% of them", names[i], resize, by, views, largest, 100*share)
					}
				}
			}
		}
	}
}

func TestPreprocessAgreesWithPackagePreprocessing(t *testing.T) {
	pix := make([]uint8, 3*256)
	for i := range pix {
		pix[i] = uint8(i/3 + 7*(i%3))
	}
	for _, by := range []preprocessing.Spec{preprocessing.Caffe, preprocessing.Torch, preprocessing.TF, preprocessing.None, preprocessing.TorchFeatures, preprocessing.New(preprocessing.BGR, 128, [3]float64{1, 0.5, 0.25}, [3]float64{1, 2, 0.3})} {
		n := &nodes{}
		values, err := n.preprocess(n.add("Placeholder", Input, nil, attributes{"dtype": typeOf(uint8Type), "shape": shapeOf(-1, 16, 16, 3)}), by)
		if err != nil {
			t.Fatal(err)
		}
		session, graph := openGraph(t, n, nil)
		tensor, err := tf.ReadTensor(tf.Uint8, []int64{1, 16, 16, 3}, bytes.NewReader(pix))
		if err != nil {
			t.Fatal(err)
		}
		results, err := session.Run(map[tf.Output]*tf.Tensor{graph.Operation(Input).Output(0): tensor}, []tf.Output{graph.Operation(values).Output(0)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := inference.WriteContents(&got, results[0]); err != nil {
			t.Fatal(err)
		}
		want := make([]float32, len(pix))
		by.Apply(want, pix)
		for i, w := range want {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(got.Bytes()[4*i:])); v != w {
				t.Fatalf("%s: byte %d becomes %g, want %g", by, pix[i], v, w)
			}
		}
	}
}

// Transparent pixels show the background as they do in package picture: every kind of PNG, with and without alpha.
func TestBackgroundAgreesWithPicture(t *testing.T) {
	files, err := filepath.Glob("../testdata/picture/*.*")
	if err != nil {
		t.Fatal(err)
	}
	options := picture.Options{Width: 32, Height: 32, Interpolation: picture.Nearest, Background: "#40a0c8"}
	run, blended := decoder(t, options), 0
	for _, file := range files {
		name := filepath.Base(file)
		if unlike.MatchString(name) || !strings.HasSuffix(name, "g") { // PNG and JPEG
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := picture.Decode(data, options)
		if err != nil {
			continue // TestPixelsAgreeWithPicture has these
		}
		got, err := run([][]byte{data})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// Without scaling, an image agrees to the bit.
		if largest, share := distance(got, want.Pix); largest > 1 || strings.HasSuffix(name, ".png") && largest > 0 {
			t.Errorf("%s: pixels differ by %d, %.2f %% of them", name, largest, 100*share)
		}
		plain, err := picture.Decode(data, picture.Options{Width: 32, Height: 32, Interpolation: picture.Nearest})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(plain.Pix, want.Pix) {
			blended++
		}
	}
	if blended < 8 {
		t.Errorf("only %d images show the background", blended)
	}
	for _, name := range []string{"gif-transparent.gif", "gif.gif"} {
		if data, err := os.ReadFile(filepath.Join("../testdata/picture", name)); err != nil {
			t.Fatal(err)
		} else if _, err := run([][]byte{data}); err == nil {
			t.Errorf("%s is decoded, though nothing is known of its transparency", name)
		}
	}
}

// PNGs of 16 bits are seen in the range, and others as without one, as by package picture.
func TestRangeAgreesWithPicture(t *testing.T) {
	files, err := filepath.Glob("../testdata/picture/png-*.png")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	narrow := image.NewGray16(image.Rect(0, 0, 40, 30))
	for i := range 40 * 30 {
		narrow.SetGray16(i%40, i/40, color.Gray16{Y: uint16(3000 + 7*i)})
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, narrow); err != nil {
		t.Fatal(err)
	}
	files = append(files, filepath.Join(t.TempDir(), "narrow.png"))
	if err := os.WriteFile(files[len(files)-1], encoded.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, how := range []picture.Range{"minmax", "0..20000", "30000..60000", "window:20000,9000.5"} {
		for _, background := range []picture.Background{"", "#40a0c8"} {
			options, changed := picture.Options{Width: 32, Height: 32, Interpolation: picture.Nearest, Background: background, Range: how}, 0
			run := decoder(t, options)
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				want, err := picture.Decode(data, options)
				if err != nil {
					t.Fatal(err)
				}
				got, err := run([][]byte{data})
				if err != nil || !bytes.Equal(got, want.Pix) {
					largest, share := distance(got, want.Pix)
					t.Errorf("%s, %s over %q: pixels differ by %d, %.2f %% of them, %v", filepath.Base(file), how, background, largest, 100*share, err)
				}
				options.Range = ""
				if plain, err := picture.Decode(data, options); err == nil && !bytes.Equal(plain.Pix, want.Pix) {
					changed++
				}
				options.Range = how
			}
			if changed < 1 || changed < 6 && how != "minmax" {
				t.Errorf("%s changes %d images", how, changed)
			}
		}
	}
	if _, _, err := (&nodes{}).pixels("", picture.Options{Width: 1, Height: 1, Range: "percentile:1,99"}, ""); err == nil || !strings.Contains(err.Error(), "use finetune serve") {
		t.Errorf("percentiles: %v", err)
	}
}

// Every opacity, of every value, over every value: the arithmetic is that of package picture.
func TestOverAgreesWithPicture(t *testing.T) {
	for _, colour := range []string{"#000000", "#ffffff", "#017f80", "#c8fe03"} {
		drawn := image.NewNRGBA(image.Rect(0, 0, 256, 256))
		for i := range 256 * 256 {
			copy(drawn.Pix[4*i:], []uint8{uint8(i), uint8(255 - i), uint8(i * 7), uint8(i >> 8)})
		}
		var file bytes.Buffer
		if err := png.Encode(&file, drawn); err != nil {
			t.Fatal(err)
		}
		options := picture.Options{Width: 256, Height: 256, Background: picture.Background(colour)}
		want, err := picture.Decode(file.Bytes(), options)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decoder(t, options)([][]byte{file.Bytes()})
		if err != nil || !bytes.Equal(got, want.Pix) {
			largest, share := distance(got, want.Pix)
			t.Errorf("over %s, pixels differ by %d, %.2f %% of them (%v)", colour, largest, 100*share, err)
		}
	}
}

// DecodePng gives images of fewer than 8 bits a false alpha, unless they have one of their own.
func TestBackgroundOfPalettes(t *testing.T) {
	options := picture.Options{Width: 16, Height: 16, Background: "#40a0c8"}
	run := decoder(t, options)
	for _, opacities := range [][]uint8{{255, 255}, {1, 1}, {0, 255}, {3, 3, 3, 3}, {0, 3, 128, 255}, {15, 15, 15, 15, 15}, {0, 1, 15, 128, 255}, make([]uint8, 16), make([]uint8, 200)} {
		var palette color.Palette
		for i, a := range opacities {
			palette = append(palette, color.NRGBA{uint8(40 * i), uint8(255 - 9*i), uint8(i), a})
		}
		drawn := image.NewPaletted(image.Rect(0, 0, 16, 16), palette)
		for i := range drawn.Pix {
			drawn.Pix[i] = uint8(i % len(opacities))
		}
		var file bytes.Buffer
		if err := png.Encode(&file, drawn); err != nil {
			t.Fatal(err)
		}
		want, err := picture.Decode(file.Bytes(), options)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := run([][]byte{file.Bytes()}); err != nil || !bytes.Equal(got, want.Pix) {
			largest, share := distance(got, want.Pix)
			t.Errorf("opacities %v of %d bits: pixels differ by %d, %.2f %% of them (%v)", opacities, file.Bytes()[24], largest, 100*share, err)
		}
	}
}
