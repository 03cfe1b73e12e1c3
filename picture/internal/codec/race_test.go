//go:build race

package codec

// raceDetector takes memory of its own.
const raceDetector = true
