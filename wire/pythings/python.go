package pythings

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

// PythonLen is how many characters a value has when Python writes it as JSON with its
// default settings; -1 if it is not JSON.
func PythonLen(v roost.Value) int {
	text := []byte(v)
	if !json.Valid(text) {
		return -1
	}
	return len(rewrite(nil, text, Spaced, appendPythonNumber))
}

// appendPythonNumber writes a number as Python does once it has read it.
func appendPythonNumber(dst, number []byte) []byte {
	s := string(number)
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			s = "0"
		}
		return append(dst, s...)
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range: infinite, as in Python
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[from:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// True tells whether Python takes a value for true: a device sends no other worker
// values. Null, false, 0, "", {} and [] are not.
func True(v roost.Value) bool {
	text, err := AppendASCII(nil, []byte(v), 0)
	if err != nil {
		return false
	}
	switch s := string(text); {
	case s == "null", s == "false", s == `""`, s == "{}", s == "[]":
		return false
	case s[0] == '-' || isDigit(s[0]):
		f, err := strconv.ParseFloat(s, 64)
		return err != nil || f != 0
	}
	return true
}
