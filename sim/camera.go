package sim

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	cameraWide, cameraHigh = 320, 180
	frameTime              = 500 * time.Millisecond
	mostViewers            = 16
)

// camera is a picture of hills under a sun, at a port of this machine: what the
// camera of a demo thing sees.
type camera struct {
	listener net.Listener
	viewers  chan struct{}
}

func openCamera(ctx context.Context) (*camera, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the demo's camera: %w", err)
	}
	return &camera{listener: l, viewers: make(chan struct{}, mostViewers)}, nil
}

func (c *camera) url() string { return "http://" + c.listener.Addr().String() + "/" }

// run serves pictures until ctx ends.
func (c *camera) run(ctx context.Context) {
	s := &http.Server{
		Handler: http.HandlerFunc(c.show), ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(c.listener) }) // it ends by Close
	<-ctx.Done()
	_ = s.Close()
	serving.Wait()
}

// show sends one picture after the other (Motion JPEG).
func (c *camera) show(w http.ResponseWriter, r *http.Request) {
	select {
	case c.viewers <- struct{}{}:
		defer func() { <-c.viewers }()
	default:
		http.Error(w, "Too many look already.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	w.Header().Set("Cache-Control", "no-store")
	var b bytes.Buffer
	for ok := true; ok; ok = pause(r.Context(), frameTime) {
		b.Reset()
		if err := jpeg.Encode(&b, scene(time.Now()), &jpeg.Options{Quality: 70}); err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", b.Len(), b.Bytes()); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

// scene draws hills, and a sun that crosses the sky in a minute.
func scene(at time.Time) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, cameraWide, cameraHigh))
	turn := float64(at.UnixMilli()%60_000) / 60_000
	sunX, sunY := turn*(cameraWide+60)-30, 110-80*math.Sin(math.Pi*turn)
	for x := range cameraWide {
		far := 105 + 14*math.Sin(float64(x)/37) + 6*math.Sin(float64(x)/11)
		near := 135 + 12*math.Sin(float64(x)/53+2)
		for y := range cameraHigh {
			img.SetRGBA(x, y, pixel(float64(y), far, near, math.Hypot(float64(x)-sunX, float64(y)-sunY)))
		}
	}
	return img
}

// pixel is the colour of a place: sky, sun, far or near hills.
func pixel(y, far, near, fromSun float64) color.RGBA {
	switch {
	case y > near:
		return color.RGBA{47, 93, 58, 255}
	case y > far:
		return color.RGBA{95, 138, 110, 255}
	case fromSun < 13:
		return color.RGBA{255, 221, 120, 255}
	}
	glow := 60 * math.Exp(-fromSun/40)
	return color.RGBA{uint8(135 + y/2 + glow), uint8(175 + y/4 + glow/2), 226, 255}
}
