#!/usr/bin/env bash
# gonum v0.17.0: distuv.Logistic.LogProb leaves location and scale out, and distuv.Chi.CDF rises again below 0.
#
# One would guess: LogProb(x) is the logarithm of Prob(x), as the documentation says (the natural logarithm of the value of the probability
# density function at x), and as it is for all other distributions of the package; and a CDF never falls.
# What happens, without an error:
#   1. LogProb of a logistic distribution is that of Mu = 0 and S = 1, whatever they are: with Mu = 100 and S = 5, it is -100 at 100, where
#      the density is largest, and -1.4 at 0. Prob, CDF, Quantile and Rand are right. Of Mu = 0 and S = 1 it is right.
#   2. Chi.CDF(-1) is CDF(1), 0.14 for K = 3.5, not 0: the sign is lost in the square. For ChiSquared, -1 is a panic.
# Who is hurt: those who fit scores, confidences or times by maximum likelihood, weigh samples, or compare models by their likelihood: it is
# the same for all Mu and S, and whether a normal distribution fits better is decided by how far the data are from 0.
# Remedy: math.Log(l.Prob(x)), or a distuv.Logistic{S: 1}: LogProb((x - Mu) / S) - math.Log(S).
# Seen on 2026-12-01, with Go 1.26.
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
	"fmt"
	"math"
	"os"

	"gonum.org/v1/gonum/stat/distuv"
)

func check(name string, wanted, seen, expected float64) {
	fmt.Printf("%s: %.4f, by gonum %.4f\n", name, wanted, seen)
	if math.Abs(seen-expected) > 1e-9*math.Max(1, math.Abs(expected)) {
		fmt.Println("it changed")
		os.Exit(1)
	}
}

// logistic is the logarithm of the logistic density, by its definition.
func logistic(x, mu, s float64) float64 {
	z := (x - mu) / s
	return -z - math.Log(s) - 2*math.Log1p(math.Exp(-z))
}

func main() {
	for _, l := range []distuv.Logistic{{Mu: 0, S: 1}, {Mu: 100, S: 5}, {Mu: 1, S: 0.5}} {
		for _, x := range []float64{0, 1, 100} {
			wanted := logistic(x, l.Mu, l.S)
			name := fmt.Sprintf("Logistic{Mu: %g, S: %g} at %g", l.Mu, l.S, x)
			if p := l.Prob(x); p > 0 {
				check(name+", logarithm of Prob", wanted, math.Log(p), wanted)
			}
			check(name+", LogProb", wanted, l.LogProb(x), logistic(x, 0, 1))
			check(name+", remedy", wanted, distuv.Logistic{S: 1}.LogProb((x-l.Mu)/l.S)-math.Log(l.S), wanted)
		}
	}
	n := distuv.Normal{Mu: 100, Sigma: 5}
	check("Normal, LogProb", math.Log(n.Prob(90)), n.LogProb(90), math.Log(n.Prob(90)))
	chi := distuv.Chi{K: 3.5}
	for _, x := range []float64{-2, -1} {
		check(fmt.Sprintf("Chi.CDF(%g)", x), 0, chi.CDF(x), chi.CDF(-x))
	}
	if chi.CDF(-2) <= chi.CDF(-1) || chi.Prob(-1) != 0 {
		fmt.Println("it changed")
		os.Exit(1)
	}
}
GO
go get gonum.org/v1/gonum/stat/distuv@v0.17.0 > log 2>&1 || { cat log; exit 1; }
go run .
