package sim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	wire "github.com/roost-iot/roost/wire/pythings"
)

// controlled is how often most calls are tried.
const controlled = 3

// call makes a call and gives its answer's text, decrypted. inside: the token is among
// members, as in downloads.
func (d *PythingsDevice) call(ctx context.Context, path string, inside bool, members ...member) (string, error) {
	a, err := d.ask(ctx, path, inside, func() {}, members)
	if err != nil {
		return "", err
	}
	defer a.close()
	text, err := a.text()
	if err != nil || d.cipher == nil || path == "/things/preregister/" && text == "" {
		return text, err
	}
	plain, err := d.cipher.Decrypt(nil, []byte(text))
	if err != nil {
		return "", errors.New("ValueError: " + err.Error())
	}
	return string(plain), nil
}

// ask makes a call; its answer is there to be read.
func (d *PythingsDevice) ask(ctx context.Context, path string, inside bool, opened func(), members []member) (*answer, error) {
	token := member{"token", quoted(d.token)}
	plain := d.cipher == nil || path == "/things/preregister/"
	if plain && !inside && d.token != "" {
		members = append(members, token)
	}
	body := d.object(members...)
	d.tell(Called, path, body)
	if !plain {
		body = d.object(member{"encrypted", quoted(d.sealed(body))}, token)
	}
	a, err := d.post(ctx, path, body, opened)
	if err == nil && d.c.Platform == "RaspberryPi" {
		a.close()
		err = errors.New("AttributeError: module 'pal' has no attribute 'socket_readline'") // a fault of every release
	}
	return a, err
}

// try makes a call until it is answered with JSON, at most that many times, 0: for ever.
func (d *PythingsDevice) try(ctx context.Context, attempts int, path string, members ...member) (v any, err error) {
	for n := 1; ; n++ {
		var text string
		text, err = d.call(ctx, path, false, append([]member(nil), members...)...)
		if err == nil {
			if v, err = parsed(text); err == nil {
				return v, nil
			}
		}
		if errors.Is(err, ErrHung) || ctx.Err() != nil {
			return nil, err
		}
		d.tell(Failed, err.Error(), "")
		if n == attempts || !d.c.Wait(ctx, pythingsRetry) {
			return nil, err
		}
	}
}

// parsed is an answer's JSON; nothing is nil.
func parsed(text string) (v any, err error) {
	if text == "" {
		return nil, nil
	}
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil, errors.New("ValueError: syntax error in JSON")
	}
	return v, nil
}

// preregister begins an encrypted session.
func (d *PythingsDevice) preregister(ctx context.Context) error {
	key := wire.NewKey()
	if d.c.Key != nil {
		key = *d.c.Key
	}
	d.cipher = wire.NewCipher(key)
	parts := make([]string, 0, 10)
	for _, part := range wire.EncryptKey(key, d.c.Modulus, d.habit) {
		parts = append(parts, part.String())
	}
	for {
		v, err := d.try(ctx, 0, "/things/preregister/",
			member{"key", "[" + strings.Join(parts, ", ") + "]"}, member{"kty", quoted(wire.CipherName)}, member{"ken", quoted(wire.KeyExchange)})
		if err != nil {
			return err
		}
		said, _ := v.(map[string]any)
		if token, ok := said["token"].(string); ok {
			d.token = token
			return nil
		}
		d.tell(Failed, "no token in the answer", "")
		if !d.c.Wait(ctx, pythingsRetry) {
			return ctx.Err()
		}
	}
}

// register says who the device is. An answer without token or epoch is an error that
// nothing catches.
func (d *PythingsDevice) register(ctx context.Context) error {
	v, err := d.try(ctx, 0, "/things/register/",
		member{"tid", quoted(d.c.TID)}, member{"aid", quoted(d.c.AID)}, member{"app_version", quoted(d.appVersion())},
		member{"pythings_version", quoted(d.osVersion)}, member{"pool", d.pool()},
		member{"frozen", map[bool]string{true: "true", false: "false"}[d.c.Frozen]}, member{"platform", quoted(d.c.Platform)})
	if err != nil {
		return err
	}
	said, ok := v.(map[string]any)
	if !ok {
		return errors.New("TypeError: string indices must be integers")
	}
	token, ok := said["token"].(string)
	if !ok {
		return errors.New("KeyError: 'token'")
	}
	if _, ok := said["epoch"]; !ok {
		return errors.New("KeyError: 'epoch'")
	}
	if d.token == "" { // a preregistered one stays
		d.token = token
	}
	d.tell(Registered, d.token, "")
	return nil
}

// pool is what the device says of its pool: its file, else its settings.
func (d *PythingsDevice) pool() string {
	if d.c.Pool != "" {
		return quoted(d.c.Pool)
	}
	if pool, ok := d.settings["pool"].(string); ok {
		return quoted(pool)
	}
	if strings.HasPrefix(d.osVersion, "v1.0.") {
		return `"production"`
	}
	return "null"
}

// report says how a part of the device is doing.
func (d *PythingsDevice) report(ctx context.Context, attempts int, what, status, msg string) (any, error) {
	return d.try(ctx, attempts, "/things/report/", member{"what", quoted(what)}, member{"status", quoted(status)}, member{"msg", msg})
}

// fatal tells errors that end a boot from those that a device lives with.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, ErrHung) || errors.Is(err, ErrReboot) || errors.Is(err, errPower)
}

// fetched is a file that is being downloaded.
type fetched struct {
	device *PythingsDevice
	path   string
	short  bool // the newest piece had less than 12 characters: it is the last, or lost some
}

// download fetches a file over the one that is there. What came until an error stays.
func (d *PythingsDevice) download(ctx context.Context, api, name, version, path string) error {
	opened := func() { d.flash[path], d.torn[path] = "", false }
	a, err := d.ask(ctx, api, true, opened, []member{
		{"file_name", quoted(name)}, {"version", quoted(version)}, {"token", quoted(d.token)}, {"platform", quoted(d.c.Platform)},
	})
	if err != nil {
		return err
	}
	defer a.close()
	powerless := d.rng.Float64() < d.c.Faults.Power
	f := fetched{device: d, path: path}
	piece := make([]byte, wire.BlockSize) // devices read one block at a time
	for {
		n, err := io.ReadFull(a.r, piece)
		if fallen := f.write(piece[:n]); fallen != nil {
			return fallen
		}
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case powerless && (end || d.rng.IntN(4) == 0):
			return errPower
		case end:
			d.tell(FileFetched, path, "")
			return nil
		case err != nil:
			return osError(err)
		}
	}
}

// write appends a piece.
func (f *fetched) write(piece []byte) error {
	d := f.device
	if err := ascii(string(piece)); err != nil || len(piece) == 0 {
		return err
	}
	if d.cipher != nil {
		plain, err := d.cipher.Decrypt(nil, piece)
		if err != nil {
			return errors.New("ValueError: " + err.Error())
		}
		d.torn[f.path] = d.torn[f.path] || f.short
		f.short = len(plain) < wire.PieceSize
		piece = plain
	}
	d.flash[f.path] += string(piece)
	return nil
}
