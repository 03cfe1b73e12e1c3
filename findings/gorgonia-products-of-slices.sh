#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24: matrix products of slices, and softmax of transposed matrices, take other numbers from memory.
#
# One would guess: a slice of some columns, and a matrix after T(), compute as what they show: so do their sums, maxima, products by element
# and concatenations; or an error says what is not made yet, as it does of Reshape of slices.
# What happens, without an error or a panic:
#   1. MatMul, MatVecMul and Dot of a slice of columns take the numbers that follow each other in memory, with those between the rows: of
#      the last two of three columns, of rows 1, 2, 3 and 4, 5, 6, the square is that of rows 2, 3 and 4, 5. Slices of rows are right.
#   2. SoftMax and LogSoftMax of a matrix after T() go through memory in the order of before: probabilities belong to other pairs of scores.
#   3. Repeat of a slice of columns ends with zeros.
# Who is hurt: Go programs that split feature matrices into columns (heads of attention, the features without the label, one colour of many)
# and multiply them by weights: results have the right shape and plausible values. Tests with whole matrices do not show it.
# Remedy: Materialize() of slices, and Transpose() after T(), which move the numbers.
# Seen on 2026-12-01, with Go 1.26.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'MOD'
module finding

go 1.26

require gorgonia.org/tensor v0.9.24
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"math"
	"os"
	"slices"

	"gorgonia.org/tensor"
)

var changed bool

// matrix has the rows 1, 2, 3 and 4, 5, 6.
func matrix() *tensor.Dense {
	return tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
}

// columns are the last two of matrix, in its memory, or, materialized, in their own.
func columns(own bool) *tensor.Dense {
	view := must(matrix().Slice(nil, tensor.S(1, 3)))
	if own {
		return view.Materialize().(*tensor.Dense)
	}
	return view.(*tensor.Dense)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// numbers are what a tensor shows.
func numbers(t tensor.Tensor) []float64 {
	var out []float64
	at := t.Shape().Clone()
	for i := range t.Shape().TotalSize() {
		rest := i
		for d := len(at) - 1; d >= 0; d-- {
			at[d] = rest % t.Shape()[d]
			rest /= t.Shape()[d]
		}
		out = append(out, must(t.At(at...)).(float64))
	}
	return out
}

func alike(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-6 })
}

// check compares what is remedied with what is right, and what is not with what was seen.
func check(name string, view, own tensor.Tensor, right, seen []float64) {
	fmt.Printf("%s: %.3v instead of %.3v\n", name, numbers(view), right)
	if !alike(numbers(own), right) || !alike(numbers(view), seen) {
		fmt.Println("it changed")
		changed = true
	}
}

func main() {
	check("the slice itself", columns(false), columns(true), []float64{2, 3, 5, 6}, []float64{2, 3, 5, 6})
	check("sums of the slice", must(columns(false).Sum(1)), must(columns(true).Sum(1)), []float64{5, 11}, []float64{5, 11})
	square := func(own bool) tensor.Tensor { return must(tensor.MatMul(columns(own), columns(own))) }
	check("MatMul", square(false), square(true), []float64{19, 24, 40, 51}, []float64{16, 21, 28, 37})
	dot := func(own bool) tensor.Tensor { return must(tensor.Dot(columns(own), columns(own))) }
	check("Dot", dot(false), dot(true), []float64{19, 24, 40, 51}, []float64{16, 21, 28, 37})
	vector := func(own bool) tensor.Tensor {
		return must(tensor.MatVecMul(columns(own), tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 2}))))
	}
	check("MatVecMul", vector(false), vector(true), []float64{8, 17}, []float64{8, 14})
	repeated := func(own bool) tensor.Tensor { return must(tensor.Repeat(columns(own), 0, 2)) }
	check("Repeat", repeated(false), repeated(true), []float64{2, 3, 2, 3, 5, 6, 5, 6}, []float64{2, 3, 2, 3, 5, 6, 0, 0})

	turned := func(own bool) *tensor.Dense {
		m := matrix()
		if err := m.T(); err != nil {
			panic(err)
		}
		if own {
			if err := m.Transpose(); err != nil {
				panic(err)
			}
		}
		return m
	}
	check("T()", turned(false), turned(true), []float64{1, 4, 2, 5, 3, 6}, []float64{1, 4, 2, 5, 3, 6})
	three, one := 1/(1+math.Exp(3)), 1/(1+math.E) // by how much the two of each row differ, and those that follow each other
	right, seen := []float64{three, 1 - three, three, 1 - three, three, 1 - three}, []float64{one, 1 - one, one, 1 - one, one, 1 - one}
	check("SoftMax", must(tensor.SoftMax(turned(false), 1)), must(tensor.SoftMax(turned(true), 1)), right, seen)
	logs := func(p []float64) []float64 {
		out := slices.Clone(p)
		for i := range out {
			out[i] = math.Log(out[i])
		}
		return out
	}
	check("LogSoftMax", must(tensor.LogSoftMax(turned(false), 1)), must(tensor.LogSoftMax(turned(true), 1)), logs(right), logs(seen))
	if changed {
		os.Exit(1)
	}
}
GO
go mod tidy > log 2>&1 || { cat log; exit 1; }
ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH=go1.26 go run .
