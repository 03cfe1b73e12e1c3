package picture

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/preprocessing"
)

// TestViews compares each view with the sum of Pillow's pixels.
func TestViews(t *testing.T) {
	long(t)
	sums, err := os.ReadFile(filepath.Join(goldenDir, "views.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		fields := strings.Fields(line)
		name, kind, resize, interpolation, size, want := fields[0], fields[1], Resize(fields[2]), Interpolation(fields[3]), fields[4], fields[5:]
		t.Run(strings.Join(fields[:5], " "), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(goldenDir, "..", name))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if kind == "dense" {
				got = denseSums(t, data, Dense{Sides: numbers(t, size), Flip: true, Interpolation: interpolation})
			} else {
				side := numbers(t, size)[0]
				got = viewSums(t, data, Options{Width: side, Height: side, Resize: resize, Views: Views(kind), Interpolation: interpolation})
			}
			if !slices.Equal(got, want) {
				t.Errorf("views with sums\n%v, Pillow's have\n%v", got, want)
			}
		})
	}
}

func numbers(t *testing.T, list string) (out []int) {
	t.Helper()
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func viewSums(t *testing.T, data []byte, options Options) (sums []string) {
	t.Helper()
	picture, err := Decode(data, options)
	if err != nil {
		t.Fatal(err)
	}
	if picture.Views != options.Views.Count() || len(picture.Pix) != picture.Views*picture.Height*picture.Width*3 {
		t.Fatalf("%d views, %d bytes", picture.Views, len(picture.Pix))
	}
	for view := range slices.Chunk(picture.Pix, picture.Height*picture.Width*3) {
		sums = append(sums, fmt.Sprintf("%08x", crc32.ChecksumIEEE(view)))
	}
	return sums
}

func denseSums(t *testing.T, data []byte, dense Dense) (sums []string) {
	t.Helper()
	tensors, picture, err := DecodeDense(data, dense, preprocessing.None)
	if err != nil {
		t.Fatal(err)
	}
	if len(tensors) != dense.Views() || picture.Views != dense.Views() || picture.SourceWidth < 1 {
		t.Fatalf("%d tensors of %+v", len(tensors), picture)
	}
	for i, tensor := range tensors {
		if mirrored := dense.Flip && i%2 == 1; tensor.Mirrored != mirrored || len(tensor.Values) != tensor.Width*tensor.Height*3 {
			t.Fatalf("tensor %d is of %dx%d, with %d values, mirrored %t", i, tensor.Width, tensor.Height, len(tensor.Values), tensor.Mirrored)
		}
		pix := make([]uint8, len(tensor.Values))
		for j, value := range tensor.Values {
			pix[j] = uint8(value)
		}
		sums = append(sums, fmt.Sprintf("%dx%d:%08x", tensor.Width, tensor.Height, crc32.ChecksumIEEE(pix)))
	}
	return sums
}

// TestDecodeTensor: the numbers are those of the pixels, view by view.
func TestDecodeTensor(t *testing.T) {
	data := readGolden(t, "jpeg-photo-420.jpg")
	for _, views := range []Views{"", Center, Flip, TenCrop} {
		options := Options{Width: 20, Height: 20, Resize: Crop, Views: views}
		picture, err := Decode(data, options)
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]float32, len(picture.Pix)), make([]float32, len(picture.Pix))
		preprocessing.Torch.Apply(want, picture.Pix)
		for range 2 { // the second time in memory that the first has used
			tensor, err := DecodeTensor(got, data, options, preprocessing.Torch)
			if err != nil || tensor.Pix != nil || tensor.Views != views.Count() || tensor.Width != 20 {
				t.Fatalf("%+v, %v", tensor, err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("views %q: other numbers", views)
			}
			clear(got)
		}
	}
	for want, decode := range map[string]func() error{
		"views": func() error {
			_, err := Decode(data, Options{Width: 8, Height: 8, Views: "fivecrop"})
			return err
		},
		"it takes 1920": func() error {
			_, err := DecodeTensor(make([]float32, 192), data, Options{Width: 8, Height: 8, Views: TenCrop}, preprocessing.Caffe)
			return err
		},
		"unknown channels": func() error {
			_, err := DecodeTensor(make([]float32, 192), data, Options{Width: 8, Height: 8}, preprocessing.Spec{Channels: "hsv"})
			return err
		},
		"shorter side of 0": func() error {
			_, _, err := DecodeDense(data, Dense{Sides: []int{256, 0}}, preprocessing.Caffe)
			return err
		},
		"no scale": func() error { _, _, err := DecodeDense(data, Dense{}, preprocessing.Caffe); return err },
		"interpolation": func() error {
			_, _, err := DecodeDense(data, Dense{Sides: []int{8}, Interpolation: "area"}, preprocessing.Caffe)
			return err
		},
		"of -1 pixels": func() error {
			_, _, err := DecodeDense(data, Dense{Sides: []int{8}, MaxPixels: -1}, preprocessing.Caffe)
			return err
		},
		"none is stated": func() error { _, _, err := DecodeDense(data, Dense{Sides: []int{8}}, preprocessing.Spec{}); return err },
	} {
		if err := decode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestDenseBounds: a scale of a long picture may be too large though the picture isn't, and
// damaged files are refused as elsewhere.
func TestDenseBounds(t *testing.T) {
	long := readGolden(t, "jpeg-420-1x17.jpg")
	_, _, err := DecodeDense(long, Dense{Sides: []int{10, 400}}, preprocessing.None)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "400x6800") {
		t.Errorf("got %v", err)
	}
	_, _, err = DecodeDense(long[:len(long)/2], Dense{Sides: []int{10}}, preprocessing.None)
	checkError(t, err)
}

func TestDenseViews(t *testing.T) {
	for views, want := range map[Views][]int{
		"dense": {256, 384, 512}, "dense:224": {224}, "dense:1414,1": {1414, 1},
		"dense:": nil, "dense:0": nil, "dense:1415": nil, "dense:256,256": nil, "dense:256,": nil, "dense:a": nil, "dense:-1": nil,
	} {
		sides, err := views.Sides()
		if !slices.Equal(sides, want) || (err == nil) != (want != nil) {
			t.Errorf("%s: %v, %v, want %v", views, sides, err, want)
		}
		if views.Count() != 2*len(want) || (views.Validate() == nil) != (want != nil) {
			t.Errorf("%s: %d views, %v", views, views.Count(), views.Validate())
		}
		if !views.IsDense() {
			t.Errorf("%s are not dense", views)
		}
	}
	if got := DenseViews.Canonical(); got != "dense:256,384,512" || got.Canonical() != got || TenCrop.Canonical() != TenCrop {
		t.Errorf("dense is written as %s", got)
	}
	if Views("densely").IsDense() || Views("densely").Count() != 0 || Flip.IsDense() {
		t.Error("other views are dense")
	}
	if err := (Options{Width: 8, Height: 8, Views: DenseViews}).Validate(); err == nil {
		t.Error("Decode takes dense views")
	}
}
