package web

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

func TestLegacyUpload(t *testing.T) {
	h := openLegacy(t)
	app := h.browser.want(201, "POST", "/apps", map[string]any{"name": "meter"})
	number, id := app["number"], roost.AppID(app["id"].(string))
	ok := `{"status":"OK","data":null}`
	h.plain.says(200, ok, uploadFile, h.with("intaid", number, "name", "helper.py", "content", "X = 1\n", "version", "ignored"))
	h.plain.says(200, ok, uploadFile, h.with("intaid", fmt.Sprint(number), "name", "helper.py", "content", "X = 2\n"))
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, text := range map[string]string{"apikey": h.key, "intaid": fmt.Sprint(number), "name": "second.py"} {
		if err := form.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile("content", "anything.py")
	if err == nil {
		_, err = file.Write([]byte("# from a file\n"))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if res, text := h.plain.send("POST", "!"+legacyRoot+uploadFile, b.String(), "Content-Type", form.FormDataContentType()); res.StatusCode != 200 || string(text) != ok {
		t.Errorf("as a form with a file: %d %s", res.StatusCode, text)
	}
	saved := map[string]string{}
	files, err := h.releases.Working(t.Context(), roost.Home, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.State == release.New {
			saved[f.Name] = f.Content + " by " + f.By
		}
	}
	if len(saved) != 2 || saved["helper.py"] != "X = 2\n by token owner" || !strings.HasPrefix(saved["second.py"], "# from a file\n") {
		t.Errorf("saved %q", saved)
	}
}

func TestLegacyUploadThatIsRefused(t *testing.T) {
	h := openLegacy(t)
	number := h.browser.want(201, "POST", "/apps", map[string]any{"name": "meter"})["number"]
	refused := func(status int, why string, fields map[string]any) {
		t.Helper()
		got, text := h.plain.post(uploadFile, fields)
		if got != status || !strings.HasPrefix(text, `{"status":"ERROR","data":"`) || !strings.Contains(text, why) {
			t.Errorf("%.200v: %d %s", fields, got, text)
		}
	}
	refused(400, `Got empty \"intaid\"`, h.with("name", "x.py", "content", "x"))
	refused(400, `Got empty \"name\"`, h.with("intaid", number, "content", "x"))
	refused(400, `Got empty \"content\"`, h.with("intaid", number, "name", "x.py", "content", ""))
	refused(400, `The \"content\" is no text`, h.with("intaid", number, "name", "x.py", "content", 5))
	refused(400, noLegacyApp, h.with("intaid", 99, "name", "x.py", "content", "x"))
	refused(400, noLegacyApp, h.with("intaid", "x", "name", "x.py", "content", "x"))
	refused(400, noLegacyApp, withKey(h.strangerKey, "intaid", number, "name", "x.py", "content", "x"))
	refused(400, "boot.py", h.with("intaid", number, "name", "boot.py", "content", "x"))
	refused(400, "folder", h.with("intaid", number, "name", "../x.py", "content", "x"))
	refused(400, "", h.with("intaid", number, "name", "x.py", "content", strings.Repeat("x", 1<<20)))
	refused(401, "Only an operator may do this", map[string]any{
		"username": h.viewer, "password": password, "intaid": number, "name": "x.py", "content": "x",
	})
}
