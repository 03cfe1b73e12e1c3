package preprocessing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// jsonSpec is the content of a file of JSON; what is nil is not in it.
type jsonSpec struct {
	Preset   string   `json:"preset"`
	Channels *string  `json:"channels"`
	Scale    *number  `json:"scale"`
	Range    *numbers `json:"range"`
	Mean     *numbers `json:"mean"`
	Std      *numbers `json:"std"`
	Layout   *string  `json:"layout"`
}

// parseJSON reads the content of such a file.
func parseJSON(data []byte) (Spec, error) {
	var file jsonSpec
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return Spec{}, fmt.Errorf("preprocessing: %w: the keys are preset, channels, scale, range, mean, std and layout", err)
	}
	b := builder{spec: Spec{Channels: RGB, Divisor: 1}}
	if file.Preset != "" {
		spec, known := Preset(file.Preset)
		if !known {
			return Spec{}, fmt.Errorf("preprocessing: unknown preset %q: use %s", file.Preset, strings.Join(Names(), ", "))
		}
		b.from(spec)
	}
	if err := file.set(&b); err != nil {
		return Spec{}, fmt.Errorf("preprocessing: %w", err)
	}
	return b.build()
}

// set hands the keys of the file to the builder, and returns all that is wrong with them.
func (f jsonSpec) set(b *builder) error {
	var errs []error
	if f.Channels != nil {
		errs = append(errs, b.set("channels", []string{*f.Channels}))
	}
	if f.Scale != nil {
		errs = append(errs, b.set("scale", []string{string(*f.Scale)}))
	}
	for _, list := range []struct {
		key    string
		values *numbers
	}{{"range", f.Range}, {"mean", f.Mean}, {"std", f.Std}} {
		if list.values != nil {
			errs = append(errs, b.set(list.key, *list.values))
		}
	}
	if f.Layout != nil {
		errs = append(errs, b.set("layout", []string{*f.Layout}))
	}
	return errors.Join(errs...)
}

// number is a JSON number, or a string with a fraction.
type number string

func (n *number) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*n = number(text)
		return nil
	}
	var value json.Number
	if err := json.Unmarshal(data, &value); err != nil {
		return errors.New("a number is expected")
	}
	*n = number(value)
	return nil
}

// numbers is a number or a list of them.
type numbers []string

func (n *numbers) UnmarshalJSON(data []byte) error {
	var list []number
	if json.Unmarshal(data, &list) != nil {
		var one number
		if err := json.Unmarshal(data, &one); err != nil {
			return errors.New("a number or a list of numbers is expected")
		}
		list = []number{one}
	}
	for _, v := range list {
		*n = append(*n, string(v))
	}
	return nil
}
