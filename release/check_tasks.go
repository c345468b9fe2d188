package release

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checkTasks warns of what surprises on a PythingsOS device, which downloads the two
// task files and nothing else. An app that begins with app.py and has neither is for others.
func checkTasks(files map[string]string) (all []Problem) {
	_, worker := files[workerFile]
	_, management := files[managementFile]
	if _, app := files["app.py"]; app && !worker && !management {
		return nil
	}
	for _, task := range []struct{ file, class string }{{workerFile, "WorkerTask"}, {managementFile, "ManagementTask"}} {
		text, ok := files[task.file]
		switch {
		case !ok:
			all = append(all, Problem{File: task.file, Text: "There is no such file; PythingsOS devices look for it.", Severity: Warning})
		case !mentions(text, task.class):
			all = append(all, Problem{File: task.file, Text: "PythingsOS devices look for a class " + task.class + " in it.", Severity: Warning})
		}
		all = append(all, checkImports(task.file, text, files)...)
	}
	return all
}

// mentions tells that a name stands somewhere outside of comments: in a class, an
// assignment or an import.
func mentions(text, name string) bool {
	for line := range strings.Lines(text) {
		if code, _, _ := strings.Cut(line, "#"); strings.Contains(code, name) {
			return true
		}
	}
	return false
}

var importLine = regexp.MustCompile(`(?m)^[ \t]*(?:import|from)[ \t]+([A-Za-z_][A-Za-z0-9_]*)`)

// checkImports warns of a task that imports another file of its app.
func checkImports(name, text string, files map[string]string) (all []Problem) {
	missing := map[string]Problem{}
	for _, m := range importLine.FindAllStringSubmatchIndex(text, -1) {
		other := text[m[2]:m[3]] + ".py"
		if _, known := files[other]; !known || other == workerFile || other == managementFile || missing[other].Text != "" {
			continue
		}
		missing[other] = at(name, text, m[2], Warning, "PythingsOS devices download worker_task.py and management_task.py only; "+other+" will be missing there.")
	}
	for _, other := range slices.Sorted(maps.Keys(missing)) {
		all = append(all, missing[other])
	}
	return all
}
