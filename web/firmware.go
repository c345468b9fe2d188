package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/wire/firmware"
)

const fileType = "application/octet-stream"

func (s *Server) firmwareRoutes() {
	const view, own = account.View, account.Own
	add(s, endpoint{
		method: "GET", path: "/firmware", id: "list-firmware", tag: tagBoards, right: view,
		summary: "List the firmware on the shelf", detail: "MicroPython for boards, as an owner put it there, by name.",
	}, s.listFirmware)
	add(s, endpoint{
		method: "POST", path: "/firmware", id: "add-firmware", tag: tagBoards, right: own, status: http.StatusCreated, errors: []int{409}, most: firmware.MaxSize,
		summary: "Put a firmware on the shelf", detail: "The file itself is the body: a `.bin` for an ESP8266 or ESP32, or a `.uf2` for a Pico, as micropython.org has it.",
	}, s.addFirmware)
	add(s, endpoint{
		method: "GET", path: "/firmware/{name}", id: "get-firmware", tag: tagBoards, right: view, file: true,
		summary: "Fetch a firmware",
	}, s.getFirmware)
	add(s, endpoint{
		method: "DELETE", path: "/firmware/{name}", id: "remove-firmware", tag: tagBoards, right: own, status: http.StatusNoContent,
		summary: "Take a firmware off the shelf",
	}, s.removeFirmware)
}

// Firmware is a file for the flash of a board.
type Firmware struct {
	Name   string `json:"name" example:"ESP32_GENERIC-20251209-v1.27.0.bin"`
	Size   int64  `json:"size" example:"1768432"`
	Chip   string `json:"chip" example:"esp32" doc:"For which chip it says that it is."`
	Kind   string `json:"kind" enum:"esp,uf2" doc:"esp: written over the serial port. uf2: copied onto the drive that the board is while BOOTSEL is held."`
	Offset int64  `json:"offset" example:"4096" doc:"Where on the flash it begins; 0 for uf2."`
	Added  int64  `json:"added" example:"1764000000000"`
}

type firmwareList struct {
	Body struct {
		Firmware []Firmware `json:"firmware" nullable:"false"`
	} `nameHint:"FirmwareShelf"`
}

func (s *Server) listFirmware(context.Context, *struct{}) (*firmwareList, error) {
	all, err := s.firmware.list()
	if err != nil {
		return nil, err
	}
	out := &firmwareList{}
	out.Body.Firmware = append([]Firmware{}, all...)
	return out, nil
}

type newFirmware struct {
	Name    string `query:"name" required:"true" minLength:"1" maxLength:"100" example:"ESP32_GENERIC-20251209-v1.27.0.bin"`
	Type    string `header:"Content-Type" hidden:"true"`
	RawBody []byte `contentType:"application/octet-stream"`
}

func (s *Server) addFirmware(ctx context.Context, in *newFirmware) (*struct{ Body Firmware }, error) {
	if in.Type != "" && in.Type != fileType {
		return nil, &wrongType{want: "Send the file itself, with Content-Type: " + fileType + "."}
	}
	made, err := s.firmware.add(in.Name, in.RawBody)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Firmware }{made}, s.audit(ctx, "firmware.add", in.Name, made.Chip)
}

type firmwarePath struct {
	Name string `path:"name" maxLength:"100" example:"ESP32_GENERIC-20251209-v1.27.0.bin" doc:"The name of the file."`
}

type fileAnswer struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Length      int    `header:"Content-Length"`
	Body        []byte
}

func (s *Server) getFirmware(_ context.Context, in *firmwarePath) (*fileAnswer, error) {
	raw, err := s.firmware.read(in.Name)
	if err != nil {
		return nil, err
	}
	return &fileAnswer{Type: fileType, Disposition: `attachment; filename="` + in.Name + `"`, Length: len(raw), Body: raw}, nil
}

func (s *Server) removeFirmware(ctx context.Context, in *firmwarePath) (*struct{}, error) {
	if err := s.firmware.remove(in.Name); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "firmware.remove", in.Name, "")
}

func noFirmware(name string) error {
	return roost.Errorf(roost.NotFound, "There is no firmware %q on the shelf.", name)
}

// fileResponse is a file in the document.
func fileResponse() *huma.Response {
	return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		fileType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
}
