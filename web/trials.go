package web

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/sim/desk"
)

// Trial is an app on a virtual board, as desk.Trial is.
type Trial interface {
	Message(ctx context.Context, data roost.Value) (roost.Value, error)
	Shell(ctx context.Context, line string) (string, error)
	Files(files map[string]string) error
	Inputs(adc map[int]int)
	Close()
}

// tryApp is what tries apps unless the Config says otherwise. Such a board knows nobody
// but itself: nothing is in reach of it.
func tryApp(files map[string]string, event func(desk.TrialEvent)) (Trial, error) {
	return desk.NewTrial(desk.TrialConfig{
		Files: files, Event: event, Settings: map[string]any{"worker_interval": 10, "management_interval": 10},
	})
}

func (s *Server) trialRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "POST", path: "/trials", id: "start-trial", tag: tagSource, right: operate, status: 201, errors: []int{429}, most: maxSource,
		summary: "Try an app on a virtual board", detail: "The files run as they are, on the real MicroPython with Roost's runtime, for " + strconv.Itoa(int(trialLasts/time.Minute)) + " minutes at most. Such a board has no network. At most " + strconv.Itoa(mostTrials) + " at a time; one whose last watcher went away ends after " + strconv.Itoa(int(trialAlone/time.Minute)) + " minutes.",
	}, s.startTrial)
	add(s, endpoint{
		method: "POST", path: "/trials/{id}/message", id: "send-trial-message", tag: tagSource, right: operate, errors: []int{409},
		summary: "Send a message to an app that is tried", detail: "Waits for its answer; 409 with the traceback when it failed.",
	}, s.messageTrial)
	add(s, endpoint{
		method: "POST", path: "/trials/{id}/shell", id: "run-trial-shell", tag: tagSource, right: operate, errors: []int{409},
		summary: "Run a line in the shell of a virtual board",
	}, s.shellTrial)
	add(s, endpoint{
		method: "POST", path: "/trials/{id}/inputs", id: "set-trial-inputs", tag: tagSource, right: operate, status: 204,
		summary: "Set the inputs of a virtual board",
	}, s.inputTrial)
	add(s, endpoint{
		method: "POST", path: "/trials/{id}/files", id: "replace-trial-files", tag: tagSource, right: operate, status: 204, most: maxSource,
		summary: "Put other files on a virtual board", detail: "It starts anew with them.",
	}, s.refileTrial)
	add(s, endpoint{
		method: "DELETE", path: "/trials/{id}", id: "end-trial", tag: tagSource, right: operate, status: 204,
		summary: "End a trial",
	}, s.endTrial)
	s.mux.HandleFunc("GET "+apiRoot+"/trials/{id}/events", s.trialEvents)
	s.api.OpenAPI().AddOperation(trialOperation())
}

// maxTrial bounds the files of a trial, in bytes together.
const maxTrial = 1 << 20

func checkTrial(files map[string]string) error {
	size := 0
	for _, text := range files {
		size += len(text)
	}
	switch {
	case len(files) == 0:
		return roost.Errorf(roost.Invalid, "There is nothing to try: send files.")
	case len(files) > 256 || size > maxTrial:
		return roost.Errorf(roost.TooLarge, "An app that is tried has at most 256 files and 1 MiB.")
	}
	return nil
}

type newTrialRequest struct {
	Body struct {
		Files map[string]string `json:"files" nullable:"false" example:"{\"app.py\":\"import asyncio\\nasync def run():\\n    print('here')\\n\"}" doc:"Text by name; at most 1 MiB together."`
		App   string            `json:"app,omitempty" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"Whose files they are; it is noted, and nothing of it is changed."`
	} `contentType:"application/json" nameHint:"NewTrial"`
}

type newTrialAnswer struct {
	Body struct {
		ID string `json:"id" example:"K3FQ7VN2XW" doc:"Watch it by its events at once."`
	} `nameHint:"Trial"`
}

func (s *Server) startTrial(ctx context.Context, in *newTrialRequest) (*newTrialAnswer, error) {
	if err := checkTrial(in.Body.Files); err != nil {
		return nil, err
	}
	if in.Body.App != "" && s.Releases != nil {
		if _, err := s.Releases.App(s.project, roost.AppID(in.Body.App)); err != nil {
			return nil, err
		}
	}
	id, err := s.trials.start(in.Body.Files, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	out := &newTrialAnswer{}
	out.Body.ID = id
	return out, s.audit(ctx, "trial.start", id, in.Body.App)
}

type endTrialRequest struct {
	ID string `path:"id" maxLength:"64" example:"K3FQ7VN2XW" doc:"The id of the trial."`
}

type trialMessageRequest struct {
	ID   string `path:"id" maxLength:"64" example:"K3FQ7VN2XW" doc:"The id of the trial."`
	Body struct {
		Data json.RawMessage `json:"data" doc:"Any JSON value."`
	} `contentType:"application/json" nameHint:"TrialMessage"`
}

type trialMessageAnswer struct {
	Body struct {
		Answer any `json:"answer" doc:"Any JSON value."`
	} `nameHint:"TrialAnswer"`
}

func (s *Server) messageTrial(ctx context.Context, in *trialMessageRequest) (*trialMessageAnswer, error) {
	t, err := s.trials.of(in.ID)
	if err != nil {
		return nil, err
	}
	answer, err := t.board.Message(ctx, roost.Value(in.Body.Data))
	if err != nil {
		return nil, err
	}
	out := &trialMessageAnswer{}
	if answer != "" {
		out.Body.Answer = json.RawMessage(answer)
	}
	return out, nil
}

type trialShellRequest struct {
	ID   string `path:"id" maxLength:"64" example:"K3FQ7VN2XW" doc:"The id of the trial."`
	Body struct {
		Line string `json:"line" maxLength:"2000" example:"1 + 1"`
	} `contentType:"application/json" nameHint:"TrialLine"`
}

type trialShellAnswer struct {
	Body struct {
		Output string `json:"output" example:"2"`
	} `nameHint:"TrialOutput"`
}

func (s *Server) shellTrial(ctx context.Context, in *trialShellRequest) (*trialShellAnswer, error) {
	t, err := s.trials.of(in.ID)
	if err != nil {
		return nil, err
	}
	text, err := t.board.Shell(ctx, in.Body.Line)
	out := &trialShellAnswer{}
	out.Body.Output = text
	return out, err
}

type trialInputsRequest struct {
	ID   string `path:"id" maxLength:"64" example:"K3FQ7VN2XW" doc:"The id of the trial."`
	Body struct {
		ADC map[string]int `json:"adc" nullable:"false" example:"{\"0\":512}" doc:"What analogue inputs read, by pin: 0 to 1023."`
	} `contentType:"application/json" nameHint:"TrialInputs"`
}

func (s *Server) inputTrial(_ context.Context, in *trialInputsRequest) (*struct{}, error) {
	t, err := s.trials.of(in.ID)
	if err != nil {
		return nil, err
	}
	inputs := map[int]int{}
	for name, value := range in.Body.ADC {
		pin, err := strconv.Atoi(name)
		if err != nil || pin < 0 || pin > 63 || value < 0 || value > 1023 {
			return nil, roost.Errorf(roost.Invalid, "An input is a pin from 0 to 63 and a value from 0 to 1023, not %q: %d.", name, value)
		}
		inputs[pin] = value
	}
	t.board.Inputs(inputs)
	return nil, nil
}

type trialFilesRequest struct {
	ID   string `path:"id" maxLength:"64" example:"K3FQ7VN2XW" doc:"The id of the trial."`
	Body struct {
		Files map[string]string `json:"files" nullable:"false" example:"{\"app.py\":\"import asyncio\\nasync def run():\\n    print('here')\\n\"}" doc:"Text by name; at most 1 MiB together."`
	} `contentType:"application/json" nameHint:"TrialFiles"`
}

func (s *Server) refileTrial(_ context.Context, in *trialFilesRequest) (*struct{}, error) {
	if err := checkTrial(in.Body.Files); err != nil {
		return nil, err
	}
	t, err := s.trials.of(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, t.board.Files(in.Body.Files)
}

func (s *Server) endTrial(ctx context.Context, in *endTrialRequest) (*struct{}, error) {
	if err := s.trials.end(in.ID); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "trial.end", in.ID, "")
}

// trialOperation is the stream of events in the document.
func trialOperation() *huma.Operation {
	return &huma.Operation{
		Method: "GET", Path: apiRoot + "/trials/{id}/events", OperationID: "watch-trial", Tags: []string{tagSource},
		Summary:     "Watch a trial (server-sent events)",
		Description: trialHelp,
		Security:    []map[string][]string{{"session": {}}, {"token": {}}},
		Extensions:  map[string]any{roleField: string(roost.Operator)},
		Parameters: []*huma.Param{{
			Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "The id of the trial.", Example: "K3FQ7VN2XW",
		}},
		Responses: map[string]*huma.Response{
			"200": {Description: "The events, as they come.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}},
			"401": problemResponse("Unauthorized"), "403": problemResponse("Forbidden"), "404": problemResponse("Not Found"),
		},
	}
}

const trialHelp = "`text/event-stream`; each `data` is a JSON object with a `type`: `state` (`state` is starting, running, crashed or stopped; `text` says why), " +
	"`log` (`at`, `level`, `text`, `detail`), `print` (`text`, a line), `values` (`at`, `values` by name), `message` (`at`, `data`), " +
	"`pins` (`pins` by number; `pixels`: the colours of the NeoPixels on a pin, `rrggbb` each). It begins with the last " +
	"events, those after `Last-Event-ID` if that is sent, and ends with the trial."
