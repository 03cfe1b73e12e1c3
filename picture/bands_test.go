package picture

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseBands(t *testing.T) {
	for text, want := range map[string]string{"": "", "4,3,2": "4,3,2", " 08, 1,65535": "8,1,65535", "7": "7"} {
		if got, err := ParseBands(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "1,2", "1,2,3,4", "1,,2", "-1", "+1", "a", "65536", "1;2;3", ",", "1,2,3,"} {
		if got, err := ParseBands(text); err == nil || !strings.Contains(err.Error(), "one (grey) or three") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// FuzzBands: what is read has one form.
func FuzzBands(f *testing.F) {
	for _, s := range []string{"4,3,2", "1", "", " 1 , 2,3", "1,2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBands(text)
		if err != nil {
			return
		}
		if again, err := ParseBands(string(b)); err != nil || again != b || b.Validate() != nil {
			t.Fatalf("%q is %q, and that %q, %v", text, b, again, err)
		}
	})
}

// Bands take no more memory than estimated, in headers too, and one that is missing is found by the header.
func TestBandsWithinEstimate(t *testing.T) {
	for _, name := range []string{"ten.tif", "five.tif", "float.tif", "alpha.tif"} {
		data, err := os.ReadFile(filepath.Join("../testdata/picture/tiles", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, bands := range []Bands{"3,2,1", "4"} {
			o := Options{Width: 224, Height: 224, Bands: bands, Range: "percentile:1,99"}
			if wrong := withinEstimate(data, o); wrong != "" && !raceDetector {
				t.Errorf("%s of %s: %s", bands, name, wrong)
			}
		}
		_, err = Estimate(data, Options{Width: 8, Height: 8, Bands: "11"})
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "no band 11") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Models that take an image in different bands get each theirs.
func TestBandsOfEach(t *testing.T) {
	data, err := os.ReadFile("../testdata/picture/tiles/five.tif")
	if err != nil {
		t.Fatal(err)
	}
	o := []Options{{Width: 111, Height: 97, Bands: "5"}, {Width: 111, Height: 97, Bands: "1,5,3"}, {Width: 111, Height: 97}}
	each, err := DecodeEach(data, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(each[0].Pix); i += 3 {
		if each[0].Pix[i] != each[1].Pix[i+1] || each[2].Pix[i] != each[1].Pix[i] {
			t.Fatalf("pixel %d: %v, %v, %v", i/3, each[0].Pix[i:i+3], each[1].Pix[i:i+3], each[2].Pix[i:i+3])
		}
	}
	if !each[0].Transparent {
		t.Error("NoData is not transparent")
	}
}
