package sim

import (
	"context"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestCameraShowsOnePictureAfterTheOther(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	c, err := openCamera(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { c.run(ctx) })
	defer running.Wait()
	defer stop()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(c.url())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(answer.Body, params["boundary"])
	for range 2 {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(io.LimitReader(p, 1<<20))
		if err != nil || img.Bounds().Dx() != cameraWide {
			t.Fatalf("%v, %v", img, err)
		}
	}
}

// An update goes through its states, and fetches in between.
func TestUpdateOfAThing(t *testing.T) {
	w := weather{born: time.Now()}
	seen := map[int]int{}
	for s := range 150 {
		state, percent := w.update(w.born.Add(time.Duration(s) * time.Second))
		if percent < seen[state] || percent > 100 {
			t.Fatalf("after %d s: %d %%", s, percent)
		}
		seen[state] = percent
	}
	for _, state := range []int{0, 1, 2, 6, 9, 11} {
		if _, ok := seen[state]; !ok {
			t.Errorf("state %d does not come", state)
		}
	}
}
