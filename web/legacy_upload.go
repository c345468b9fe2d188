package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// uploadAnswer is how the code editor's call answers, good or bad.
type uploadAnswer struct {
	Status string  `json:"status"` // "OK" or "ERROR"
	Data   *string `json:"data"`   // why not
}

// legacyUpload saves a file of an app, which the next commit will have. Its faults have
// a shape of their own.
func (s *Server) legacyUpload(w http.ResponseWriter, r *http.Request, actor account.Actor, f legacyFields) error {
	err := s.upload(r, actor, f)
	if err == nil {
		writeLegacy(w, http.StatusOK, uploadAnswer{Status: "OK"})
		return nil
	}
	status, detail := s.legacyStatus(r.Context(), w, r.URL.Path, err)
	writeLegacy(w, status, uploadAnswer{"ERROR", &detail})
	return nil
}

func (s *Server) upload(r *http.Request, actor account.Actor, f legacyFields) error {
	for _, name := range []string{"intaid", "name", "content"} {
		if f.text(name) == "" {
			return refusal(http.StatusBadRequest, `Got empty "`+name+`"`)
		}
	}
	app, err := s.legacyApp(actor, f.text("intaid"))
	if err != nil {
		return err
	}
	if !f["content"].IsText() {
		return refusal(http.StatusBadRequest, `The "content" is no text`)
	}
	err = s.Releases.SaveDraft(r.Context(), app.Project, app.ID, f.text("name"), f.text("content"), actor.Name)
	if roost.KindOf(err) == roost.TooLarge { // Pythings' clients know no 413
		return refusal(http.StatusBadRequest, roost.Message(err))
	}
	return err
}

// legacyApp finds the app of a number; one of a project where the caller has no role is
// none, and where the role is too small the answer is 401.
func (s *Server) legacyApp(actor account.Actor, number string) (roost.App, error) {
	unknown := refusal(http.StatusBadRequest, noLegacyApp)
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || s.Releases == nil {
		return roost.App{}, unknown
	}
	app, ok := s.Releases.AppByNumber(n)
	if !ok || app.Hidden || actor.Allowed(app.Project, account.View) != nil {
		return roost.App{}, unknown
	}
	if err := actor.Allowed(app.Project, account.Operate); err != nil {
		told, _ := errors.AsType[*roost.Error](err)
		return roost.App{}, refusal(http.StatusUnauthorized, told.Message)
	}
	return app, nil
}
