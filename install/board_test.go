package install

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, c *cable) *Board {
	t.Helper()
	board, err := OpenBoard(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return board
}

// inNoTime plays waits without waiting.
func inNoTime(f func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// randomly gives bytes of every value, among them the control characters of the prompt.
func randomly(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func TestFilesAreOnTheBoardByteForByte(t *testing.T) {
	for _, way := range []string{"yes", "no", "old"} {
		t.Run("raw paste "+way, inNoTime(func(t *testing.T) {
			fake, c := playBoard(t, &fakeBoard{paste: way, noise: "I (99) wifi: state\r\n"})
			board := open(t, c)
			files := Files{
				"empty.txt":     {},
				"all.bin":       randomly(3000),
				"lib/a/deep.py": []byte("print('it''s')\n"),
				"boot.py":       []byte("# last\n"),
			}
			var order []string
			last := int64(0)
			err := board.Install(t.Context(), files, Progress{
				File: func(name string, _ int, _ bool) { order = append(order, name) },
				Sent: func(done, _ int64) { last = done },
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range files {
				if got, _ := fake.content(name); got != string(want) {
					t.Errorf("%s: %d bytes on the board, %d wanted", name, len(got), len(want))
				}
			}
			if order[len(order)-1] != "boot.py" {
				t.Errorf("written in the order %v; what the board starts with comes last", order)
			}
			if last != files.Bytes() {
				t.Errorf("progress ended at %d of %d", last, files.Bytes())
			}
			for name := range fake.files {
				if strings.HasSuffix(name, unfinished) {
					t.Errorf("%s is left over", name)
				}
			}
		}))
	}
}

func TestFilesThatAreThereAreNotSentAgain(t *testing.T) {
	_, c := playBoard(t, &fakeBoard{files: map[string][]byte{"a.py": []byte("1"), "b.py": []byte("1")}})
	board := open(t, c)
	same := map[string]bool{}
	err := board.Install(t.Context(), Files{"a.py": []byte("1"), "b.py": []byte("2")}, Progress{
		File: func(name string, _ int, is bool) { same[name] = is },
	})
	if err != nil || !same["a.py"] || same["b.py"] {
		t.Errorf("same: %v, %v", same, err)
	}
}

func TestLostBytesAreSentAgain(t *testing.T) {
	fake, c := playBoard(t, &fakeBoard{spoil: 2})
	if err := open(t, c).WriteFile(t.Context(), "a.py", randomly(1000), nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := fake.content("a.py"); got != string(randomly(1000)) {
		t.Error("the file is wrong")
	}
}

func TestOldFileStaysWhenTheNewOneDoesNotArrive(t *testing.T) {
	fake, c := playBoard(t, &fakeBoard{spoil: 1000, files: map[string][]byte{"a.py": []byte("old")}})
	if err := open(t, c).WriteFile(t.Context(), "a.py", randomly(1000), nil); !errors.Is(err, errDiffers) {
		t.Errorf("err = %v", err)
	}
	if got, _ := fake.content("a.py"); got != "old" {
		t.Errorf("a.py is %q", got)
	}
	if _, there := fake.content("a.py" + unfinished); there {
		t.Error("the half file is left over")
	}
}

func TestNothingIsWrittenWithoutRoom(t *testing.T) {
	fake, c := playBoard(t, &fakeBoard{free: 10_000})
	err := open(t, c).Install(t.Context(), Files{"a.py": randomly(100), "b.py": randomly(8000)}, Progress{})
	if err == nil || !strings.Contains(err.Error(), "free") || len(fake.files) != 0 {
		t.Errorf("err = %v, files %d", err, len(fake.files))
	}
}

func TestFullFlashIsSaid(t *testing.T) {
	_, c := playBoard(t, &fakeBoard{refuse: "_w("})
	err := open(t, c).WriteFile(t.Context(), "a.py", []byte("x"), nil)
	if _, is := errors.AsType[*PythonError](err); !is || !strings.Contains(err.Error(), "OSError: 28") {
		t.Errorf("err = %v", err)
	}
}

func TestBusyBoardIsInterrupted(t *testing.T) {
	inNoTime(func(t *testing.T) {
		_, c := playBoard(t, &fakeBoard{deaf: 7})
		about := open(t, c).About()
		if about.Version != "1.22.2" || about.Platform != "esp32" || about.Space != 1<<20 {
			t.Errorf("about = %+v", about)
		}
	})(t)
}

func TestSilentLineIsSaid(t *testing.T) {
	inNoTime(func(t *testing.T) {
		c := newCable(t)
		if _, err := OpenBoard(t.Context(), c); !errors.Is(err, errSilent) {
			t.Errorf("err = %v", err)
		}
	})(t)
}

// A board without MicroPython may log without end; so may one behind the wrong port.
func TestABoardThatTalksWithoutEndIsGivenUp(t *testing.T) {
	inNoTime(func(t *testing.T) {
		c := newCable(t)
		var talking sync.WaitGroup
		talking.Go(func() {
			for {
				if _, err := c.down.Write([]byte("tick\r\n")); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := OpenBoard(ctx, c); !errors.Is(err, errSilent) {
			t.Errorf("err = %v", err)
		}
		c.Close()
		talking.Wait()
	})(t)
}

func TestUnpluggedBoardEndsAtOnce(t *testing.T) {
	_, c := playBoard(t, &fakeBoard{})
	board := open(t, c)
	c.Close()
	if err := board.WriteFile(t.Context(), "a.py", []byte("x"), nil); err == nil {
		t.Error("no error")
	}
}

func TestInstallationEndsWithItsContext(t *testing.T) {
	_, c := playBoard(t, &fakeBoard{})
	board := open(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := board.WriteFile(ctx, "a.py", []byte("x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestFileSystemIsTold(t *testing.T) {
	inNoTime(func(t *testing.T) {
		for fs, sturdy := range map[string]bool{"VfsLfs2": true, "<VfsLfs2 object>": true, "VfsFat": false, "": false} {
			_, c := playBoard(t, &fakeBoard{fs: fs})
			if about := open(t, c).About(); about.Sturdy() != sturdy {
				t.Errorf("%+v: sturdy %v", about, about.Sturdy())
			}
		}
	})(t)
}

func TestSettingsAreTheFilesOfPythingsOS(t *testing.T) {
	fake, c := playBoard(t, &fakeBoard{files: map[string][]byte{"pool": []byte("staging\n"), "apn": []byte("x")}})
	board := open(t, c)
	want := Settings{"aid": "wzKZAlIJHmpyTbsBFdMyqF", "backend": "192.0.2.7:8080", "wifi": "Home 'Net'", "password": `p\ss word`, "loglevel": "10", "setup_timeout": "0", "apn": ""}
	if err := board.Configure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"aid": "wzKZAlIJHmpyTbsBFdMyqF\n", "backend": "192.0.2.7:8080\n", "wifi": "Home 'Net'\np\\ss word\n", "pool": "staging\n",
	} {
		if got, _ := fake.content(name); got != content {
			t.Errorf("%s is %q", name, got)
		}
	}
	if _, there := fake.content("apn"); there {
		t.Error("apn is still there")
	}
	got, err := board.Settings(t.Context())
	if err != nil || got["password"] != "set" || got["wifi"] != "Home 'Net'" || got["pool"] != "staging" {
		t.Errorf("settings %v, %v", got, err)
	}
}

func TestSettingsThatADeviceDoesNotTake(t *testing.T) {
	for _, bad := range []Settings{
		{"loglevel": "info"},
		{"loglevel": "15"},
		{"setup_timeout": "-1"},
		{"setup_timeout": "a"},
		{"backend": "http://192.0.2.7"},
		{"backend": "a b"},
		{"aid": "a\nb"},
		{"aid": " a"},
		{"wifi": strings.Repeat("x", 33)},
		{"wifi": "n", "password": "short"},
		{"wifi": "n", "password": "ends with a space "},
		{"password": "long enough"},
	} {
		if bad.Check() == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestRestartShowsTheBootLog(t *testing.T) {
	inNoTime(func(t *testing.T) {
		_, c := playBoard(t, &fakeBoard{})
		var log bytes.Buffer
		err := open(t, c).Restart(t.Context(), 500*time.Millisecond, 10*time.Second, func(text []byte) { log.Write(text) })
		if err != nil || !strings.Contains(log.String(), "soft reboot") || !strings.Contains(log.String(), "hello from boot.py") {
			t.Errorf("log %q, %v", &log, err)
		}
	})(t)
}

func TestQuoteIsPython(t *testing.T) {
	if got, want := quote("it's a\\b\nñ😀"), `'it\'s a\\b\u000a\u00f1\U0001f600'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
