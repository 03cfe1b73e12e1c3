package preprocessing

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// builder collects what the keys state; a list of one number is for all channels, whose order may
// be stated later.
type builder struct {
	spec      Spec
	mean, std []float64
	keys      []string // those of numbers that were stated
}

func (b *builder) from(preset Spec) {
	b.spec = preset
	b.mean, b.std = slices.Clone(preset.Mean[:preset.Depth()]), slices.Clone(preset.Std[:preset.Depth()])
}

func (b *builder) set(key string, values []string) error {
	switch key {
	case "channels", "layout":
		if len(values) != 1 {
			return fmt.Errorf("%s takes one value, not %d", key, len(values))
		}
		value := strings.ToLower(values[0])
		if key == "layout" {
			b.spec.Layout = Layout(value)
		} else {
			b.spec.Channels = Channels(value)
		}
		return nil
	case "scale":
		divisor, err := parseDivisor(values)
		if err != nil {
			return err
		}
		return b.setNumbers(key, []float64{divisor})
	case "range", "mean", "std":
		list, err := parseNumbers(key, values)
		if err != nil {
			return err
		}
		return b.setNumbers(key, list)
	}
	return fmt.Errorf("unknown key %q: the keys are channels, scale, range, mean, std and layout", key)
}

// stated is an earlier key that conflicts with this one.
func (b *builder) stated(key string) string {
	for _, k := range b.keys {
		if k == key || k == "range" || key == "range" {
			return k
		}
	}
	return ""
}

func (b *builder) setNumbers(key string, list []float64) error {
	switch other := b.stated(key); other {
	case "":
	case key:
		return fmt.Errorf("%s is stated twice", key)
	default:
		return fmt.Errorf("%s and %s cannot both be given: range implies scale and mean", other, key)
	}
	b.keys = append(b.keys, key)
	switch key {
	case "mean":
		b.mean = list
		return nil
	case "std":
		b.std = list
		return nil
	case "scale":
		b.spec.Divisor = list[0]
		return nil
	}
	if len(list) != 2 || list[0] >= list[1] {
		return errors.New("range takes two numbers, the smaller first")
	}
	b.spec.Divisor = 255 / (list[1] - list[0])
	b.mean, b.std = []float64{-list[0]}, []float64{1}
	return nil
}

// parseDivisor reads a scale and returns its reciprocal: exactly the denominator of a fraction of
// 1, and 255 for a decimal that is 1/255 up to its last digits.
func parseDivisor(values []string) (float64, error) {
	if len(values) != 1 {
		return 0, fmt.Errorf("scale takes one number, not %d", len(values))
	}
	if over, under, found := strings.Cut(values[0], "/"); found && over == "1" {
		list, err := parseNumbers("scale", []string{under})
		if err != nil {
			return 0, err
		}
		return list[0], nil
	}
	list, err := parseNumbers("scale", values)
	if err != nil {
		return 0, err
	}
	divisor := 1 / list[0]
	if halves := math.Round(2*divisor) / 2; halves != 0 && math.Abs(divisor-halves) < 1e-9*math.Abs(halves) {
		return halves, nil
	}
	return divisor, nil
}

func (b *builder) build() (Spec, error) {
	depth := b.spec.Depth()
	if depth == 0 {
		return Spec{}, b.spec.Validate()
	}
	b.spec.Mean, b.spec.Std = [maxDepth]float64{}, [maxDepth]float64{}
	for _, list := range []struct {
		key      string
		values   []float64
		to       []float64
		fallback float64
	}{{"mean", b.mean, b.spec.Mean[:depth], 0}, {"std", b.std, b.spec.Std[:depth], 1}} {
		switch len(list.values) {
		case 0:
			fill(list.to, list.fallback)
		case 1:
			fill(list.to, list.values[0])
		case depth:
			copy(list.to, list.values)
		default:
			return Spec{}, fmt.Errorf("preprocessing: %s has %d numbers, but %s has %d channels", list.key, len(list.values), b.spec.Channels, depth)
		}
	}
	return b.spec, b.spec.Validate()
}

func fill(values []float64, with float64) {
	for i := range values {
		values[i] = with
	}
}

func parseNumbers(key string, values []string) ([]float64, error) {
	numbers := make([]float64, len(values))
	for i, text := range values {
		over, under, isFraction := strings.Cut(text, "/")
		v, err := strconv.ParseFloat(over, 64)
		if err == nil && isFraction {
			var divisor float64
			divisor, err = strconv.ParseFloat(under, 64)
			v /= divisor
		}
		if err != nil || !finite(v) {
			return nil, fmt.Errorf("%s has %q, which is neither a number nor a fraction such as 1/255", key, text)
		}
		numbers[i] = v
	}
	return numbers, nil
}
