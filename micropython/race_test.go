//go:build race

package micropython

// raceDetector makes everything some ten times slower.
const raceDetector = true
