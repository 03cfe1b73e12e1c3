package look

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestColours holds the colours of drawings against those of pages.
func TestColours(t *testing.T) {
	light, dark, _ := strings.Cut(string(CSS), "@media screen and (prefers-color-scheme: dark)")
	has := func(where, name, colour string) {
		short := fmt.Sprintf("--%s: #%c%c%c;", name, colour[1], colour[3], colour[5]) // as #fff
		if want := fmt.Sprintf("--%s: %s;", name, colour); !strings.Contains(where, want) && !strings.Contains(where, short) {
			t.Errorf("look.css lacks %s", want)
		}
	}
	for i, colour := range Palette {
		has(light, fmt.Sprint("c", i), colour)
	}
	for _, r := range Roles {
		has(light, r.Name, r.Light)
		has(dark, r.Name, r.Dark)
	}
}

// linear is a colour's linear red, green and blue, 0 to 1.
func linear(t *testing.T, colour string) [3]float64 {
	t.Helper()
	v, err := strconv.ParseUint(colour[1:], 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	var all [3]float64
	for i := range all {
		c := float64(v>>(16-8*i)&255) / 255
		if all[i] = c / 12.92; c > 0.04045 {
			all[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return all
}

// contrast is that of two colours by WCAG 2, 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	luminance := func(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] + 0.05 }
	x, y := luminance(linear(t, a)), luminance(linear(t, b))
	return max(x/y, y/x)
}

// Graphics need a contrast of 3 with their background and texts one of 4.5 (WCAG 2.2, 1.4.11 and 1.4.3).
func TestContrast(t *testing.T) {
	for _, c := range Palette {
		if light, dark := contrast(t, c, Paper.Light), contrast(t, c, Paper.Dark); light < 3 || dark < 3 {
			t.Errorf("%s has a contrast of %.2f on light paper and %.2f on dark", c, light, dark)
		}
	}
	for _, r := range []Role{Ink, Quiet, Mark} {
		if light, dark := contrast(t, r.Light, Paper.Light), contrast(t, r.Dark, Paper.Dark); light < 4.5 || dark < 4.5 {
			t.Errorf("%s has a contrast of %.2f on light paper and %.2f on dark", r.Name, light, dark)
		}
	}
}

// sights are how eyes without red (protanopia) or green (deuteranopia) cones see linear colours (Machado, Oliveira and
// Fernandes, 2009, severity 1).
var sights = map[string][3][3]float64{
	"all cones": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"no red":    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"no green":  {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
}

// seen is a colour in Oklab, whose distances are about as large as the differences look, by eyes of a kind.
func seen(t *testing.T, colour string, sight [3][3]float64) [3]float64 {
	times := func(m [3][3]float64, v [3]float64) (out [3]float64) {
		for i := range out {
			out[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
		}
		return out
	}
	c := times(sight, linear(t, colour))
	for i := range c {
		c[i] = min(1, max(0, c[i]))
	}
	c = times([3][3]float64{{0.4122214708, 0.5363325363, 0.0514459929}, {0.2119034982, 0.6806995451, 0.1073969566}, {0.0883024619, 0.2817188376, 0.6299787005}}, c)
	for i := range c {
		c[i] = math.Cbrt(c[i])
	}
	return times([3][3]float64{{0.2104542553, 0.793617785, -0.0040720468}, {1.9779984951, -2.428592205, 0.4505937099}, {0.0259040371, 0.7827717662, -0.808675766}}, c)
}

// No two colours of classes look alike to people who lack a kind of cones.
func TestPaletteIsToldApart(t *testing.T) {
	for sight, m := range sights {
		for i, a := range Palette {
			for _, b := range Palette[:i] {
				x, y := seen(t, a, m), seen(t, b, m)
				if d := math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2]); d < 0.07 {
					t.Errorf("%s: %s and %s differ by %.3f", sight, a, b, d)
				}
			}
		}
	}
}

func TestPolicy(t *testing.T) {
	if p := Policy(); !strings.Contains(p, "script-src 'none'") {
		t.Error(p)
	}
	// The hash is openssl's: printf 'go()' | openssl dgst -sha256 -binary | base64
	if p := Policy("go()"); !strings.Contains(p, "script-src 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='; ") {
		t.Error(p)
	}
}
