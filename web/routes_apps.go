package web

import (
	"net/http"

	"github.com/roost-iot/roost/account"
)

// appRoutes is what a server with apps serves besides.
func (s *Server) appRoutes() {
	s.appViewRoutes()
	s.appOperateRoutes()
	s.sourceRoutes()
	s.softwareRoutes()
	s.appOwnRoutes()
	s.boardRoutes()
	s.releaseRoutes()
	s.runtimeShelfRoutes()
}

func (s *Server) appViewRoutes() {
	const view = account.View
	add(s, endpoint{
		method: "GET", path: "/apps", id: "list-apps", tag: tagApps, right: view, errors: []int{404}, summary: "List apps",
	}, s.listApps)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}", id: "get-app", tag: tagApps, right: view,
		summary: "Get an app", detail: "With its pools and tags.",
	}, s.getApp)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/files", id: "list-files", tag: tagSource, right: view,
		summary: "Read the files of an app", detail: "Of the working copy, with what is wrong in it, or of a commit.",
	}, s.listFiles)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/commits", id: "list-commits", tag: tagSource, right: view,
		summary: "List commits", detail: "Newest first.",
	}, s.listCommits)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/commits/{commit}", id: "get-commit", tag: tagSource, right: view, summary: "Get a commit",
	}, s.getCommit)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/zip", id: "get-app-zip", tag: tagSource, right: view, archive: true,
		summary: "Download an app as a zip", detail: "Its newest commit, or one of them.",
	}, s.zipApp)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/software", id: "get-software", tag: tagSoftware, right: view,
		summary: "What runs on a thing", detail: "And what shall run there. 404 for things that run no app of Roost.",
	}, s.getSoftware)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/sessions", id: "list-sessions", tag: tagSoftware, right: view,
		summary: "List the runs of a thing", detail: "Each from a registration on; newest first. The newest 50 are kept.",
	}, s.listRuns)
	add(s, endpoint{
		method: "GET", path: "/shelf", id: "list-shelf", tag: tagPythings, right: view,
		summary: "List the releases of PythingsOS on the shelf",
	}, s.listShelf)
	add(s, endpoint{
		method: "GET", path: "/shelf/{version}/{file}", id: "get-platform-zip", tag: tagPythings, right: view, archive: true,
		summary: "Download a release for one platform as a zip",
	}, s.zipPlatform)
}

func (s *Server) appOperateRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "POST", path: "/apps", id: "add-app", tag: tagApps, right: operate, status: http.StatusCreated, errors: []int{409},
		summary: "Make an app", detail: "With one commit that has the default worker and management task, and the pools production, staging and development.",
	}, s.addApp)
	add(s, endpoint{
		method: "PATCH", path: "/apps/{app}", id: "change-app", tag: tagApps, right: operate, errors: []int{409},
		summary: "Change an app", detail: "What is left out stays.",
	}, s.changeApp)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/messages", id: "tell-app", tag: tagApps, right: operate, errors: []int{409, 429},
		summary: "Send a message to the things of an app", detail: "Each gets a command of its own, which says what came of it.",
	}, s.tellApp)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/pools", id: "add-pool", tag: tagApps, right: operate, status: http.StatusCreated, errors: []int{409, 429},
		summary: "Add a pool", detail: "With the settings of the default pool, and the commit that it runs; a development pool follows the newest.",
	}, s.addPool)
	add(s, endpoint{
		method: "PATCH", path: "/apps/{app}/pools/{pool}", id: "change-pool", tag: tagApps, right: operate, errors: []int{409},
		summary: "Change a pool", detail: "What is left out stays. A change of settings reboots the things of the pool.",
	}, s.changePool)
	add(s, endpoint{
		method: "DELETE", path: "/apps/{app}/pools/{pool}", id: "delete-pool", tag: tagApps, right: operate, status: http.StatusNoContent, errors: []int{409},
		summary: "Delete a pool", detail: "Not the default one, nor one that has things.",
	}, s.deletePool)
}

func (s *Server) sourceRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "PUT", path: "/apps/{app}/files/{name}", id: "save-file", tag: tagSource, right: operate, errors: []int{409, 429},
		summary: "Save a file of the working copy", detail: "Nothing of it reaches a thing before it is committed. The answer says what is wrong in the working copy; it is saved all the same.",
	}, s.saveFile)
	add(s, endpoint{
		method: "DELETE", path: "/apps/{app}/files/{name}", id: "delete-file", tag: tagSource, right: operate, status: http.StatusNoContent, errors: []int{409},
		summary: "Delete a file of the working copy",
	}, s.deleteFile)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/files/{name}/rename", id: "rename-file", tag: tagSource, right: operate, errors: []int{409, 429},
		summary: "Rename a file of the working copy",
	}, s.renameFile)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/discard", id: "discard-files", tag: tagSource, right: operate,
		summary: "Go back to the newest commit", detail: "With one file of the working copy, or all.",
	}, s.discard)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/check", id: "check-files", tag: tagSource, right: operate, most: maxSource,
		summary: "Check files without saving them",
	}, s.checkFiles)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/commits", id: "add-commit", tag: tagSource, right: operate, status: http.StatusCreated,
		errors: []int{409}, checks: true, most: maxSource,
		summary: "Commit", detail: "The working copy, or the files given. Things of the pools that follow it are told to run it at once. Files with errors are refused.",
	}, s.addCommit)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/commits/{commit}/restore", id: "restore-commit", tag: tagSource, right: operate, status: http.StatusCreated, errors: []int{409},
		summary: "Commit the files of an older commit again",
	}, s.restoreCommit)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/import", id: "import-app", tag: tagSource, right: operate, status: http.StatusCreated,
		errors: []int{409}, checks: true, most: maxAppZip,
		summary: "Commit the files of a zip", detail: "All files of the app are those of the zip afterwards.",
	}, s.importZip)
	add(s, endpoint{
		method: "PUT", path: "/apps/{app}/tags/{tag}", id: "set-tag", tag: tagSource, right: operate, errors: []int{409, 429},
		summary: "Tag a commit", detail: "A tag that there is moves. Things of the pools that follow tags are told to run it.",
	}, s.setTag)
	add(s, endpoint{
		method: "DELETE", path: "/apps/{app}/tags/{tag}", id: "delete-tag", tag: tagSource, right: operate, status: http.StatusNoContent, errors: []int{409},
		summary: "Delete a tag",
	}, s.deleteTag)
}

func (s *Server) softwareRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "PUT", path: "/things/{id}/app", id: "install-app", tag: tagSoftware, right: operate, errors: []int{409},
		summary: "Install an app on a thing", detail: "Only on things that came with an account id; others keep the app that they brought.",
	}, s.installApp)
	add(s, endpoint{
		method: "DELETE", path: "/things/{id}/app", id: "uninstall-app", tag: tagSoftware, right: operate, errors: []int{409},
		summary: "Take the app of a thing away",
	}, s.uninstallApp)
	add(s, endpoint{
		method: "PUT", path: "/things/{id}/pool", id: "move-thing", tag: tagSoftware, right: operate, errors: []int{409},
		summary: "Move a thing to another pool of its app",
	}, s.moveThing)
	add(s, endpoint{
		method: "PATCH", path: "/things/{id}/settings", id: "change-own-settings", tag: tagSoftware, right: operate, errors: []int{409},
		summary: "Give a thing settings of its own", detail: "Over those of its pool. What is left out stays, null takes the thing's own away.",
	}, s.overrideSettings)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/reregister", id: "reregister-thing", tag: tagSoftware, right: operate, errors: []int{409},
		summary: "Make a thing register again", detail: "It reboots when it calls the next time.",
	}, s.reregister)
}

func (s *Server) appOwnRoutes() {
	const own = account.Own
	add(s, endpoint{
		method: "DELETE", path: "/apps/{app}", id: "delete-app", tag: tagApps, right: own, status: http.StatusNoContent, errors: []int{409},
		summary: "Delete an app", detail: "With its commits, tags and pools. Its things stay, without an app.",
	}, s.deleteApp)
	add(s, endpoint{
		method: "POST", path: "/shelf", id: "add-release", tag: tagPythings, right: own, status: http.StatusCreated,
		errors: []int{409}, most: maxShelfZip,
		summary: "Put a release of PythingsOS on the shelf", detail: "A zip with a folder for each platform, in each its files, files.txt and version.py.",
	}, s.addRelease)
	add(s, endpoint{
		method: "DELETE", path: "/shelf/{version}", id: "remove-release", tag: tagPythings, right: own, status: http.StatusNoContent, errors: []int{409},
		summary: "Take a release off the shelf", detail: "Not while settings ask for it.",
	}, s.removeRelease)
}
