package web

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Runtime is Roost's own runtime for boards and computers, as installers need it.
type Runtime interface {
	Version() string
	// Files gives those of a profile (full, lean, python) by their path on the board.
	// With mpy they are compiled for that version of MicroPython's bytecode; 0: source.
	Files(ctx context.Context, profile string, mpy int) (map[string][]byte, error)
	// ROM gives the modules of lean as an image for a board that runs them out of its flash;
	// nil: it cannot be made here.
	ROM(ctx context.Context) ([]byte, error)
}

// bytecode is the version of MicroPython's that can be made here.
const bytecode = 6

type runtimeQuery struct {
	Profile string `query:"profile" enum:"full,lean" default:"full" doc:"lean: for boards with little memory."`
	MPY     int    `query:"mpy" minimum:"0" maximum:"100" example:"6" doc:"The version of bytecode that the board takes; source if left out, or if that one cannot be made here."`
	ROM     bool   `query:"rom" doc:"For an ESP8266: the modules of lean come as one image for its partition, compiled for bytecode 6, and not as files."`
}

// RuntimeFile is a file of the runtime.
type RuntimeFile struct {
	Path   string `json:"path" example:"_f/rt/main.mpy" doc:"From the root of the board."`
	SHA256 string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Data   []byte `json:"data" doc:"Its content, in base64."`
}

// RuntimeImage is the runtime as a read-only file system.
type RuntimeImage struct {
	SHA256 string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Data   []byte `json:"data" doc:"A ROMFS image, in base64."`
}

type runtimeAnswer struct {
	Body struct {
		Version string        `json:"version" example:"1.0.0"`
		Files   []RuntimeFile `json:"files" nullable:"false" doc:"By path."`
		Image   *RuntimeImage `json:"image,omitempty" doc:"If it was asked for: what the first third of the board's partition begins with."`
	} `nameHint:"RuntimeFiles"`
}

func (s *Server) runtimeFiles(ctx context.Context, in *runtimeQuery) (*runtimeAnswer, error) {
	if s.Runtime == nil {
		return nil, noRuntime()
	}
	if in.MPY != bytecode {
		in.MPY = 0
	}
	out := &runtimeAnswer{}
	if in.ROM {
		in.Profile, in.MPY = "lean", bytecode
		image, err := s.Runtime.ROM(ctx)
		if err != nil {
			return nil, fmt.Errorf("image of the runtime: %w", err)
		}
		if image == nil {
			return nil, roost.Errorf(roost.NotFound, "This server cannot compile, so it has no image of the runtime.")
		}
		out.Body.Image = &RuntimeImage{SHA256: hashOf(image), Data: image}
	}
	files, err := s.Runtime.Files(ctx, in.Profile, in.MPY)
	if err != nil {
		return nil, fmt.Errorf("files of the runtime: %w", err)
	}
	out.Body.Version = s.Runtime.Version()
	out.Body.Files = []RuntimeFile{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if in.ROM && strings.HasPrefix(path, "_f/") {
			continue // it is in the image
		}
		out.Body.Files = append(out.Body.Files, RuntimeFile{Path: path, SHA256: hashOf(files[path]), Data: files[path]})
	}
	return out, nil
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

type packRequest struct {
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"120" example:"Roof"`
		App      string `json:"app,omitempty" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"The id of the app that it shall run; without one, none yet."`
		Pool     string `json:"pool,omitempty" maxLength:"36" example:"development" doc:"The app's default pool if left out."`
		Platform string `json:"platform" enum:"python"`
		Server   string `json:"server,omitempty" maxLength:"200" example:"http://192.0.2.1:8080" doc:"Where the computer finds this server, if not where you do."`
	} `contentType:"application/json" nameHint:"Pack"`
}

func (s *Server) packBoard(ctx context.Context, in *packRequest) (*zipAnswer, error) {
	if s.Runtime == nil {
		return nil, noRuntime()
	}
	server := in.Body.Server
	if server == "" {
		server = s.boardAddresses(ctx)[0]
	}
	if u, err := url.Parse(server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, roost.Errorf(roost.Invalid, "%q is no address of a server; write it as http://192.0.2.1:8080.", server)
	}
	files, err := s.Runtime.Files(ctx, "python", 0)
	if err != nil {
		return nil, fmt.Errorf("files of the runtime: %w", err)
	}
	made, err := s.makeBoard(ctx, NewBoard{Name: in.Body.Name, App: roost.AppID(in.Body.App), Pool: in.Body.Pool})
	if err != nil {
		return nil, err
	}
	folder := fileName(in.Body.Name)
	files = maps.Clone(files)
	maps.Copy(files, ownFiles(folder, strings.TrimSuffix(server, "/"), made))
	b, err := folderZip(folder, files)
	if err != nil {
		return nil, err
	}
	return saved(folder+".zip", b), nil
}

// ownFiles are those of one computer alone.
func ownFiles(folder, server string, made MadeBoard) map[string][]byte {
	key, _ := json.Marshal(map[string]string{"id": made.ID, "key": made.Key}) // strings
	settings, _ := json.Marshal(map[string]string{"server": server})
	return map[string][]byte{
		"_s/key":                       key,
		"settings.json":                settings,
		"roost-" + folder + ".service": []byte(fmt.Sprintf(unit, made.ID, folder)),
		"README.txt":                   []byte(fmt.Sprintf(readMe, made.ID, server, folder)),
	}
}

// unit keeps the runtime running under systemd.
const unit = `# To keep it running: adapt User and the paths, then
#   sudo cp roost-%[2]s.service /etc/systemd/system/
#   sudo systemctl enable --now roost-%[2]s
[Unit]
Description=%[1]s, a thing of Roost
Wants=network-online.target
After=network-online.target

[Service]
User=roost
WorkingDirectory=/opt/%[2]s
ExecStart=/opt/%[2]s/run.sh
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/opt/%[2]s
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`

const readMe = `%[1]s, a thing of the Roost at %[2]s

Start it:   ./run.sh          (needs python3, 3.9 or later, and nothing else)
Keep it:    see roost-%[3]s.service, for systemd

_s/key is its key: who has it can pass for this thing. One folder is one thing; do not
copy it to a second computer, but fetch another zip for that one.
settings.json says where Roost is. Updates of the app and of the runtime come from there.
`

// folderZip makes a zip of a folder. run.sh can be run; the key is for its owner alone.
func folderZip(folder string, files map[string][]byte) (*bytes.Buffer, error) {
	b := &bytes.Buffer{}
	z := zip.NewWriter(b)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: folder + "/" + path, Method: zip.Deflate, Modified: time.Now()}
		h.SetMode(modeOf(path))
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(files[path])
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", path, err)
		}
	}
	return b, z.Close()
}

func modeOf(path string) fs.FileMode {
	switch {
	case strings.HasSuffix(path, ".sh"):
		return 0o755
	case strings.HasPrefix(path, "_s/"):
		return 0o600
	}
	return 0o644
}
