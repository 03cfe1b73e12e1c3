//go:build !race

package featurestore

const raceDetector = false
