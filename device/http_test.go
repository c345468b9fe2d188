package device_test

import (
	"os"
	"testing"
)

func TestAnswersOfHTTPAreReadInAnyPieces(t *testing.T) {
	coreScripts(t, "answers.py", nil, corePassed)
}

// Whatever answers, the reader ends with an answer or with an error that the line expects.
func FuzzAnswersOfHTTP(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\ncontent-length:0\r\n\r\n", "HTTP/1.1 -7 x\r\n\r\n", "HTTP/1.1 200 \r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/9 200 \xff\r\n\x00: \x80\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "\n\n\n",
	} {
		f.Add([]byte(seed))
	}
	script, err := os.ReadFile("testdata/core/answers.py")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		corePassed(t, coreOnVM(t, string(script), map[string]string{"fuzz.bin": string(answer)}))
	})
}
