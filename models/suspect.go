package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/vgg/weights"
)

// suspect lists what is odd about weights, a sentence each: filters that are all zero, which no training leaves,
// and kernels of a single value, which were never filled. NaN and infinity are an error.
func suspect(set weights.Set) ([]string, error) {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(set.Tensors)) {
		tensor := set.Tensors[name]
		values, err := tensor.Float32()
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		if !strings.HasSuffix(name, "/kernel") || len(values) == 0 {
			continue
		}
		if !slices.ContainsFunc(values, func(v float32) bool { return v != values[0] }) {
			found = append(found, fmt.Sprintf("all values of %s are %v.", name, values[0]))
			continue
		}
		units := tensor.Shape[len(tensor.Shape)-1]
		if zero := zeroUnits(values, units); zero > 0 {
			found = append(found, fmt.Sprintf("%d of the %d filters of %s are all zero.", zero, units, name))
		}
	}
	return found, nil
}

// zeroUnits counts the last dimension's indices at which all values are zero.
func zeroUnits(values []float32, units int) int {
	live := make([]bool, units)
	for row := range slices.Chunk(values, units) {
		for unit, v := range row {
			live[unit] = live[unit] || v != 0
		}
	}
	zero := 0
	for _, l := range live {
		if !l {
			zero++
		}
	}
	return zero
}
