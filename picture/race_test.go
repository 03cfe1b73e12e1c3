//go:build race

package picture

// raceDetector makes decoding ten times as slow; what needs no detector for its own sake takes
// fewer pictures with it.
const raceDetector = true
