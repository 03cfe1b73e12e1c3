#!/usr/bin/env bash
# gonum v0.17.0: stat.Kendall takes equal values for rising ones, so that its result depends on the order of the samples.
#
# One would guess: Kendall's tau-a, as its documentation calls it, is the number of concordant pairs less that of discordant ones, by
# the number of all pairs. A pair with equal values is neither. The order in which the samples come does not matter.
# What happens: only the sign bits of the two differences are compared, and that of 0 is that of a positive number. A pair with
# equal values is concordant if the other variable rises from the earlier sample to the later one, or is equal too, and
# discordant if it falls. So the correlation of 1, 2, 3, 4 with a constant is 1, read backwards it is -1, and tau-a is 0. Of a
# sorted table of all pairs of two classes with three, which are independent, it is 0.6, and backwards -0.6. There is no error, with
# weights or without. Without equal values it is right.
# Who is hurt: those who compare ratings, ranks with ties, counts or predicted and true classes, where most pairs are equal: what
# they see is mainly how the file was sorted, and sorted by one of the two the correlation looks high.
# Remedy: count in a loop of one's own, as below; or divide by the pairs that differ (tau-b).
# Seen on 2026-11-30, with Go 1.26.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// tauA is the definition.
func tauA(x, y []float64) float64 {
	sum, pairs := 0, 0
	for i := range x {
		for j := range i {
			sum += cmp.Compare(x[i], x[j]) * cmp.Compare(y[i], y[j])
			pairs++
		}
	}
	return float64(sum) / float64(pairs)
}

func reversed(x []float64) []float64 {
	x = slices.Clone(x)
	slices.Reverse(x)
	return x
}

func main() {
	var left, right []float64 // 25 times each pair of 0 and 1
	for i := range 100 {
		left, right = append(left, float64(i%2)), append(right, float64(i/2%2))
	}
	changed := false
	for _, c := range []struct {
		name            string
		x, y            []float64
		once, backwards float64
	}{
		{"without equal values", []float64{1, 2, 3, 4, 5}, []float64{2, 1, 4, 3, 5}, 0.6, 0.6},
		{"with a constant", []float64{1, 2, 3, 4}, []float64{7, 7, 7, 7}, 1, -1},
		{"of a sorted table", []float64{1, 1, 1, 2, 2, 2}, []float64{1, 2, 3, 1, 2, 3}, 0.6, -0.6},
		{"of independent classes", left, right, 0.2626, 0.2222},
	} {
		once, backwards := stat.Kendall(c.x, c.y, nil), stat.Kendall(reversed(c.x), reversed(c.y), nil)
		ones := slices.Repeat([]float64{1}, len(c.x))
		fmt.Printf("%s: %.3f, backwards %.3f, by the definition %.3f\n", c.name, once, backwards, tauA(c.x, c.y))
		changed = changed || math.Abs(once-c.once) > 1e-4 || math.Abs(backwards-c.backwards) > 1e-4 ||
			math.Abs(stat.Kendall(c.x, c.y, ones)-once) > 1e-9
	}
	if changed {
		fmt.Println("it changed")
		os.Exit(1)
	}
}
GO
go get gonum.org/v1/gonum@v0.17.0 > /dev/null 2>&1
go run .
