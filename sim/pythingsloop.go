package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// load imports the app's tasks. What can not be imported is reported, and the device
// goes on without it.
func (d *PythingsDevice) load(ctx context.Context) error {
	d.worker, d.management = true, true
	files := map[string]string{}
	for _, name := range []string{workerFile, managementFile} {
		if content, ok := d.flash[name]; ok {
			files[name] = content
		}
	}
	err := d.runner.Load(files)
	if err == nil {
		return nil
	}
	for _, err := range faults(err) {
		what := "worker"
		if text := err.Error(); strings.Contains(text, "management_task") || strings.Contains(text, "ManagementTask") {
			what, d.management = "management", false
		} else {
			d.worker = false
		}
		if err := d.complain(ctx, what, err); err != nil {
			return err
		}
	}
	return nil
}

// complain reports a fault of a part. Errors: fatal ones only.
func (d *PythingsDevice) complain(ctx context.Context, what string, fallen error) error {
	d.tell(Failed, fallen.Error(), "")
	if _, err := d.report(ctx, controlled, what, "KO", quoted(fault(fallen))); err != nil && fatal(ctx, err) {
		return err
	}
	return nil
}

// manage is a management run. Errors: fatal ones only.
func (d *PythingsDevice) manage(ctx context.Context) error {
	v, err := d.try(ctx, controlled, "/apps/management/")
	if err != nil {
		if fatal(ctx, err) {
			return err
		}
		return nil // the rest of the run is left out
	}
	said, ok := v.(map[string]any)
	if !ok {
		err = errors.New("TypeError: argument is not iterable")
	} else {
		err = d.update(ctx, said)
	}
	if err != nil {
		if fatal(ctx, err) {
			return err
		}
		return d.complain(ctx, "management", err)
	}
	msg, err := d.message(ctx, said)
	if err != nil {
		return err
	}
	if _, err := d.report(ctx, controlled, "management", "OK", msg); err != nil && fatal(ctx, err) {
		return err
	}
	return nil
}

// message executes what the answer brings and runs the management task. It gives the
// msg of the report that follows.
func (d *PythingsDevice) message(ctx context.Context, said map[string]any) (string, error) {
	mid, brought := said["mid"].(string)
	var forTask, reply string
	shell := said["type"] == "CMD"
	if brought {
		data, err := json.Marshal(said["msg"])
		if err != nil {
			return "", errors.New("ValueError: " + err.Error())
		}
		if !shell {
			forTask = string(data)
		}
	}
	if brought && shell {
		source, _ := said["msg"].(string)
		reply = quoted(d.runner.Exec(ctx, source))
		if r, ok := d.runner.(interface{ Rebooted() bool }); ok && r.Rebooted() {
			return "", fmt.Errorf("%w: a shell line asked for it", ErrReboot) // nobody hears an answer
		}
	}
	if answer, err := d.task(ctx, forTask); err != nil {
		return "", err
	} else if brought && !shell {
		reply = answer
	}
	if !brought {
		return "null", nil
	}
	if reply == "" {
		reply = "null"
	}
	d.tell(Executed, mid, reply)
	return d.object(member{"mid", quoted(mid)}, member{"rep", reply}), nil
}

// task calls the management task, if there is one. That it raises is reported at once.
func (d *PythingsDevice) task(ctx context.Context, message string) (string, error) {
	if !d.management {
		return "", nil
	}
	if message == "null" {
		message = ""
	}
	answer, err := d.runner.Management(ctx, message)
	if err != nil {
		if fatal(ctx, err) {
			return "", err
		}
		return "", d.complain(ctx, "management", err)
	}
	return answer, nil
}

// work is a worker run. Errors: fatal ones only.
func (d *PythingsDevice) work(ctx context.Context) error {
	var value string
	if d.worker {
		var err error
		if value, err = d.runner.Worker(ctx); err != nil {
			if fatal(ctx, err) {
				return err
			}
			return d.complain(ctx, "worker", err)
		}
	}
	if wire.True(roost.Value(value)) {
		if _, err := d.try(ctx, controlled, "/apps/worker/", member{"msg", value}); err == nil {
			d.tell(SentValue, "", value)
		} else if fatal(ctx, err) {
			return err
		} // otherwise the value is lost
	}
	if _, err := d.report(ctx, 1, "worker", "OK", "null"); err != nil {
		if fatal(ctx, err) {
			return err
		}
		return d.complain(ctx, "worker", err)
	}
	return nil
}
