//go:build race

package vgg_test

const raceDetector = true
