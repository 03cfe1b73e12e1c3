//go:build race

package featurestore

// raceDetector makes Arrow ten times as slow, so that fewer states are tried.
const raceDetector = true
