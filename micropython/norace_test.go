//go:build !race

package micropython

const raceDetector = false
