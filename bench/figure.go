package bench

import (
	"maps"
	"slices"
	"strconv"
)

// figure writes a number with as many digits as mean something.
func figure(v float64) string {
	switch {
	case v >= 100:
		return grouped(int64(v + 0.5))
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v == 0:
		return "-"
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// grouped writes 1234567 as 1,234,567.
func grouped(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// share writes v divided by whole.
func share(v *float64, whole float64) string {
	if v == nil {
		return "n/a"
	}
	if whole == 0 {
		return "-"
	}
	return figure(*v / whole)
}

func megabytes(bytes *uint64) string {
	if bytes == nil {
		return "n/a"
	}
	return figure(float64(*bytes) / 1e6)
}

// sorted writes the entries of m in the order of their names.
func sorted[V any](m map[string]V, write func(string, V) string) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, write(name, m[name]))
	}
	return lines
}
