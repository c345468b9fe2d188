package web

import (
	"context"
	"net/http"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// boardAsker asks boards at their own HTTP servers.
type boardAsker interface {
	// Status gives a JSON object.
	Status(ctx context.Context, ref roost.Ref) (roost.Value, error)
	Logs(ctx context.Context, ref roost.Ref) ([]string, error)
	// ReadLog gives the last lines of a log, all of it if lines is under 1.
	ReadLog(ctx context.Context, ref roost.Ref, name string, lines int) (string, error)
	// Act is for "identify", "restart" and "factory-reset".
	Act(ctx context.Context, ref roost.Ref, act string) error
}

const askHelp = "Roost asks the board's own HTTP server, at the address from which it last came, if that is one of a private network " +
	"or the server was started with --ask-boards any. 503 when it does not answer, 409 when it may not be asked or somebody else answers there."

func (s *Server) boardAskRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "POST", path: "/things/{id}/identify", id: "identify-board", tag: tagBoards, right: operate, status: http.StatusNoContent, errors: []int{404, 409},
		summary: "Make a board blink", detail: askHelp + " For things of Roost's own runtime, send the command `identify`.",
	}, s.identifyBoard)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/board/status", id: "ask-board-status", tag: tagBoards, right: operate, errors: []int{404, 409},
		summary: "Ask a board how it is", detail: askHelp,
	}, s.askBoardStatus)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/board/logs", id: "list-board-logs", tag: tagBoards, right: operate, errors: []int{404, 409},
		summary: "List the logs on a board", detail: askHelp,
	}, s.listBoardLogs)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/board/logs/{log}", id: "read-board-log", tag: tagBoards, right: operate, errors: []int{404, 409},
		summary: "Read a log on a board", detail: "64 KiB of its end at most. " + askHelp,
	}, s.readBoardLog)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/board/restart", id: "restart-board", tag: tagBoards, right: operate, status: http.StatusNoContent, errors: []int{404, 409},
		summary: "Restart a board at once", detail: "The command `restart` reaches it with its next heartbeat, wherever it is. " + askHelp,
	}, s.restartBoard)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/board/factory-reset", id: "reset-board", tag: tagBoards, right: operate, status: http.StatusNoContent, errors: []int{404, 409},
		summary: "Make a board forget its Wi-Fi, its name and its configuration", detail: "It then opens its own network and waits for somebody to set it up. " + askHelp,
	}, s.resetBoard)
}

func (s *Server) actBoard(ctx context.Context, id, act string) error {
	b, err := s.boardOf(id)
	if err != nil {
		return err
	}
	if err := s.Boards.Act(ctx, b.Ref, act); err != nil {
		return err
	}
	return s.audit(ctx, "board."+act, id, "at its own address")
}

func (s *Server) identifyBoard(ctx context.Context, in *ThingPath) (*struct{}, error) {
	return nil, s.actBoard(ctx, in.ID, "identify")
}

func (s *Server) restartBoard(ctx context.Context, in *ThingPath) (*struct{}, error) {
	return nil, s.actBoard(ctx, in.ID, "restart")
}

func (s *Server) resetBoard(ctx context.Context, in *ThingPath) (*struct{}, error) {
	return nil, s.actBoard(ctx, in.ID, "factory-reset")
}

type boardStatus struct {
	Body struct {
		Status anyJSON `json:"status" doc:"An object: device_id, firmware, version, uptime_ms, free_mem, rssi, ip, boot_epoch, and what its app reports."`
	} `nameHint:"BoardStatus"`
}

func (s *Server) askBoardStatus(ctx context.Context, in *ThingPath) (*boardStatus, error) {
	b, err := s.boardOf(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.Boards.Status(ctx, b.Ref)
	out := &boardStatus{}
	out.Body.Status = anyJSON(v)
	return out, err
}

type boardLogs struct {
	Body struct {
		Logs []string `json:"logs" nullable:"false" doc:"Their names."`
	} `nameHint:"BoardLogs"`
}

func (s *Server) listBoardLogs(ctx context.Context, in *ThingPath) (*boardLogs, error) {
	b, err := s.boardOf(in.ID)
	if err != nil {
		return nil, err
	}
	out := &boardLogs{}
	out.Body.Logs, err = s.Boards.Logs(ctx, b.Ref)
	return out, err
}

type boardLogPath struct {
	ThingPath
	Log   string `path:"log" maxLength:"64" example:"platform_log.txt" doc:"The name of the log."`
	Lines int    `query:"lines" minimum:"1" maximum:"2000" default:"200" doc:"How many of the last lines."`
}

type boardLog struct {
	Body struct {
		Text string `json:"text"`
	} `nameHint:"BoardLog"`
}

func (s *Server) readBoardLog(ctx context.Context, in *boardLogPath) (*boardLog, error) {
	b, err := s.boardOf(in.ID)
	if err != nil {
		return nil, err
	}
	out := &boardLog{}
	out.Body.Text, err = s.Boards.ReadLog(ctx, b.Ref, in.Log, in.Lines)
	return out, err
}
