package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// update does what the settings of a management answer ask for, one kind a boot.
// ErrReboot: something was done. Other errors than fatal ones are reported by the caller.
func (d *PythingsDevice) update(ctx context.Context, said map[string]any) error {
	if told, ok := said["settings"]; ok {
		if err := d.takeSettings(ctx, told); err != nil {
			return err
		}
	}
	version, ok := d.settings["pythings_version"].(string)
	if !ok {
		return errors.New("KeyError: 'pythings_version'")
	}
	if !d.c.Frozen && !strings.EqualFold(version, "factory") && version != d.osVersion {
		if err := d.fetchOS(ctx, version); err != nil {
			return err
		}
		return d.reboot(ctx, "Pythings")
	}
	app, ok := d.settings["app_version"].(string)
	if !ok {
		return errors.New("KeyError: 'app_version'")
	}
	if app != d.appVersion() {
		if err := d.fetchApp(ctx, app); err != nil {
			return err
		}
		return d.reboot(ctx, "App")
	}
	return nil
}

// takeSettings stores settings that differ from those that are there.
func (d *PythingsDevice) takeSettings(ctx context.Context, told any) error {
	if reflect.DeepEqual(told, any(d.settings)) {
		return nil
	}
	text, err := json.Marshal(told)
	if err != nil {
		return fmt.Errorf("ValueError: %w", err)
	}
	if d.rng.Float64() < d.c.Faults.Power {
		d.flash[settingsFile] = string(text[:d.rng.IntN(len(text))])
		return errPower
	}
	d.flash[settingsFile] = string(text)
	d.tell(SettingsStored, "", string(text))
	return d.reboot(ctx, "Settings")
}

// reboot says why the device is about to reboot. It does so even if nobody hears it.
func (d *PythingsDevice) reboot(ctx context.Context, kind string) error {
	why := "Resetting due to " + kind + " update"
	if _, err := d.report(ctx, controlled, "pythings", "OK", quoted(why)); err != nil && fatal(ctx, err) {
		return err
	}
	return fmt.Errorf("%w: %s update", ErrReboot, kind)
}

// list asks which files a version has.
func (d *PythingsDevice) list(ctx context.Context, api string, members ...member) (string, error) {
	return d.call(ctx, api, false, members...)
}

// fetchApp replaces the app. From the deletion of app.py on there is no app until all
// is there.
func (d *PythingsDevice) fetchApp(ctx context.Context, version string) error {
	const api = "/apps/get/"
	text, err := d.list(ctx, api, member{"version", quoted(version)}, member{"list", "true"})
	if err != nil {
		return err
	}
	var names []string
	if json.Unmarshal([]byte(text), &names) != nil {
		return errors.New("ValueError: syntax error in JSON")
	}
	delete(d.flash, appFile)
	for _, name := range names {
		if name != workerFile && name != managementFile {
			continue
		}
		if err := d.download(ctx, api, name, version, name); err != nil {
			return err
		}
	}
	d.flash[appFile] = "\nversion='" + version + "'\n"
	return nil
}

// fetchOS downloads a release beside those that are there.
func (d *PythingsDevice) fetchOS(ctx context.Context, version string) error {
	const api = "/pythings/get/"
	text, err := d.list(ctx, api, member{"version", quoted(version)}, member{"list", "true"}, member{"platform", quoted(d.c.Platform)})
	if err != nil {
		return err
	}
	names, err := names(text)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.download(ctx, api, name, version, version+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// names gives the names of an object's members in their order, version.py last.
func names(text string) (list []string, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("ValueError: syntax error in JSON")
	}
	last := false
	for dec.More() {
		key, err := dec.Token()
		var size any
		if err == nil {
			err = dec.Decode(&size)
		}
		if err != nil {
			return nil, errors.New("ValueError: syntax error in JSON")
		}
		if name, _ := key.(string); name == versionFile {
			last = true
		} else {
			list = append(list, name)
		}
	}
	if last {
		list = append(list, versionFile)
	}
	return list, nil
}
