package picture

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fovea/preprocessing"
)

// eachOptions differ in all that may differ.
var eachOptions = []Options{
	{Width: 224, Height: 224},
	{Width: 64, Height: 48, Interpolation: Bicubic, Background: "#ff8000"},
	{Width: 32, Height: 32, Views: TenCrop, Background: "#ff8000"},
	{Width: 96, Height: 96, Resize: Crop, Views: Flip},
	{Width: 16, Height: 16, Interpolation: Lanczos, Background: "#000000"},
}

// An image that is decoded once for several options is what Decode makes of it with each.
func TestDecodeEach(t *testing.T) {
	files, err := filepath.Glob("../testdata/picture/*")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	photos, err := filepath.Glob("../testdata/photos/*.jpg")
	if err != nil || len(photos) < 2 {
		t.Fatalf("%d photos, %v", len(photos), err)
	}
	hows := []preprocessing.Spec{preprocessing.Caffe, preprocessing.Torch, preprocessing.TF, preprocessing.Caffe, preprocessing.Torch}
	compared := 0
	for _, file := range append(files, photos[:2]...) {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // a directory
		}
		got, err := DecodeEach(content, eachOptions)
		if _, alone := Decode(content, eachOptions[0]); (err == nil) != (alone == nil) || err != nil && err.Error() != alone.Error() {
			t.Errorf("%s: %v, alone %v", file, err, alone)
		}
		if err != nil {
			continue
		}
		compared++
		var tensors, wants [][]float32
		transparent := false
		for i, o := range eachOptions {
			want, err := Decode(content, o)
			if err != nil {
				t.Fatal(err)
			}
			transparent = transparent || want.Transparent
			if got := got[i]; !slices.Equal(want.Pix, got.Pix) || got.Width != o.Width || got.Height != o.Height || got.Views != o.Views.Count() ||
				got.Format != want.Format || got.SourceWidth != want.SourceWidth || got.SourceHeight != want.SourceHeight {
				t.Errorf("%s, %+v: another picture", file, o)
			}
			values := make([]float32, len(want.Pix))
			hows[i].Apply(values, want.Pix)
			wants, tensors = append(wants, values), append(tensors, make([]float32, len(want.Pix)))
		}
		if got[0].Transparent != transparent {
			t.Errorf("%s: transparent is %v, want %v", file, got[0].Transparent, transparent)
		}
		if err := DecodeTensors(tensors, content, eachOptions, hows); err != nil {
			t.Fatal(err)
		}
		for i := range tensors {
			if !slices.Equal(wants[i], tensors[i]) {
				t.Errorf("%s, %+v: other values", file, eachOptions[i])
			}
		}
		one, err := Estimate(content, eachOptions[0])
		each, eachErr := EstimateEach(content, eachOptions)
		if err != nil || eachErr != nil || each.Pixels != one.Pixels || each.Bytes < one.Bytes+3*224*224/2 {
			t.Errorf("%s: it takes %+v for one and %+v for each, %v, %v", file, one, each, err, eachErr)
		}
	}
	if compared < 20 {
		t.Errorf("only %d pictures were compared", compared)
	}
}

// The limits are those of the first options.
func TestDecodeEachRefuses(t *testing.T) {
	content, err := os.ReadFile("../testdata/photos/cat.3.jpg")
	if err != nil {
		t.Fatal(err)
	}
	limited := slices.Clone(eachOptions)
	limited[0].MaxPixels = 100
	if _, err := DecodeEach(content, limited); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more pixels than the limit: %v", err)
	}
	if _, err := EstimateEach(content, limited); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more pixels than the limit, estimated: %v", err)
	}
	if _, err := DecodeEach(content, nil); err == nil {
		t.Error("no options are taken")
	}
	if _, err := DecodeEach(content, []Options{{Width: 2, Height: 2}, {}}); err == nil {
		t.Error("invalid options are taken")
	}
	two := []Options{{Width: 2, Height: 2}, {Width: 1, Height: 1}}
	specs := []preprocessing.Spec{preprocessing.Caffe, preprocessing.Caffe}
	if err := DecodeTensors([][]float32{make([]float32, 12), make([]float32, 4)}, content, two, specs); err == nil {
		t.Error("a tensor of another size is filled")
	}
	if err := DecodeTensors([][]float32{make([]float32, 12)}, content, two, specs); err == nil {
		t.Error("too few tensors are filled")
	}
}
