package preprocessing

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"fovea/internal/budget"
)

// String is the name of a preset or the KEY=VALUE form, which Parse reads back; empty for
// the zero Spec. Equal Specs have equal strings.
func (s Spec) String() string {
	if s.IsZero() {
		return ""
	}
	suffix := ""
	if s.Layout != "" {
		suffix = ",layout=" + string(s.Layout)
	}
	plain := s.WithLayout("")
	for _, p := range presets {
		if p.spec == plain {
			return p.name + suffix
		}
	}
	text := "channels=" + string(s.Channels)
	if s.Divisor != 1 {
		text += ",scale=" + formatScale(s.Divisor)
	}
	depth := min(s.Depth(), maxDepth)
	return text + ",mean=" + formatList(s.Mean[:depth], ",") + ",std=" + formatList(s.Std[:depth], ",") + suffix
}

func formatList(values []float64, separator string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strings.Join(parts, separator)
}

func formatScale(divisor float64) string { return "1/" + strconv.FormatFloat(divisor, 'g', -1, 64) }

// Parse reads the name of a preset, or KEY=VALUE pairs separated by commas, which may
// follow a preset that they change:
//
//	torch
//	channels=bgr,mean=103.939,116.779,123.68
//	torch,channels=bgr
//	range=-1,1
//
// Keys are channels (rgb, bgr, gray, rgba), scale (a number or a fraction such as 1/255),
// range (the numbers that pixels 0 and 255 become, in place of a scale), mean and std (one
// number for all channels or one a channel, in their order), and layout (nhwc, nchw).
func Parse(text string) (Spec, error) {
	pairs, err := split(text)
	if err != nil {
		return Spec{}, err
	}
	b := builder{spec: Spec{Channels: RGB, Divisor: 1}}
	for i, p := range pairs {
		if p.key == "" {
			spec, known := Preset(p.values[0])
			if !known || i > 0 {
				return Spec{}, fmt.Errorf("preprocessing: unknown preprocessing %q: use %s, KEY=VALUE pairs such as channels=rgb,scale=1/255,mean=0.5, or a .json file", text, strings.Join(Names(), ", "))
			}
			b.from(spec)
			continue
		}
		if err := b.set(p.key, p.values); err != nil {
			return Spec{}, fmt.Errorf("preprocessing: %q: %w", text, err)
		}
	}
	spec, err := b.build()
	if err != nil {
		return Spec{}, fmt.Errorf("%w (in %q)", err, text)
	}
	return spec, nil
}

// maxFileBytes bounds a file of settings; one has a few hundred bytes.
const maxFileBytes = 1 << 20

// Load is Parse for the command line: what ends in .json is the name of a file with the
// keys of Parse ("preset" among them) as an object, numbers and lists of numbers as such.
func Load(text string) (Spec, error) {
	if !strings.HasSuffix(strings.ToLower(text), ".json") {
		return Parse(text)
	}
	data, err := budget.ReadFile(text, maxFileBytes)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Spec{}, fmt.Errorf("preprocessing: there is no file %s", text)
		}
		return Spec{}, fmt.Errorf("preprocessing: %w", err)
	}
	spec, err := parseJSON(data)
	if err != nil {
		return Spec{}, fmt.Errorf("%s: %w", text, err)
	}
	return spec, nil
}

// pair is one KEY=VALUE,VALUE,...; a preset's name has no key.
type pair struct {
	key    string
	values []string
}

func split(text string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		key, value, found := strings.Cut(part, "=")
		switch {
		case part == "":
			return nil, fmt.Errorf("preprocessing: %q has an empty part", text)
		case found:
			pairs = append(pairs, pair{strings.TrimSpace(key), []string{strings.TrimSpace(value)}})
		case len(pairs) > 0 && pairs[len(pairs)-1].key != "":
			pairs[len(pairs)-1].values = append(pairs[len(pairs)-1].values, part)
		default:
			pairs = append(pairs, pair{values: []string{part}})
		}
	}
	return pairs, nil
}

// MarshalText makes Specs strings in JSON.
func (s Spec) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is Parse; empty text is the zero Spec.
func (s *Spec) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Spec{}
		return nil
	}
	spec, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = spec
	return nil
}

// Details is a Spec spelled out, for programs.
type Details struct {
	Channels Channels  `json:"channels"`
	Scale    float64   `json:"scale"`
	Mean     []float64 `json:"mean"`
	Std      []float64 `json:"std"`
	// Range is the smallest and the largest number that a pixel can become.
	Range  [2]float64 `json:"range"`
	Layout Layout     `json:"layout,omitempty"`
}

// Details spells the Spec out; nil for the zero Spec.
func (s Spec) Details() *Details {
	if s.IsZero() {
		return nil
	}
	low, high := s.Range()
	depth := s.Depth()
	return &Details{Channels: s.Channels, Scale: s.Scale(), Mean: s.Mean[:depth], Std: s.Std[:depth], Range: [2]float64{low, high}, Layout: s.Layout}
}
