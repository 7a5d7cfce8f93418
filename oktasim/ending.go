package oktasim

import (
	"fmt"
	"net/http"
)

// What stands between the last proof and the interaction code, and the endings without one.

// Values of User.Access.
const (
	accessUnassigned     = "unassigned"
	accessDeniedByPolicy = "denied"
	accessUnsatisfiable  = "unsatisfiable"
)

var (
	notAssigned  = errorMessage("idx.error.user.not.assigned.to.app", "User is not assigned to this application.")
	noPermission = errorMessage("security.access_denied", "You do not have permission to perform the requested action.")
)

// unsatisfiable names the app.
func unsatisfiable(app string) message {
	return errorMessage("oie.assurance.unsatisfiable",
		fmt.Sprintf("Unable to login to %q at this time. For assistance, please contact your administrator.", app), app)
}

// admitted judges, once the first factor is proved, whether the account may go on; else its reply says why not.
func (o *Org) admitted(x *exchange, t *transaction) (rep reply, ok bool) {
	switch t.user.Access {
	case accessUnassigned:
		o.restart(t, x.now)
		return t.withMessage(x, http.StatusBadRequest, notAssigned), false
	case accessDeniedByPolicy, accessUnsatisfiable:
		m := noPermission
		if t.user.Access == accessUnsatisfiable {
			m = unsatisfiable(t.client.Label)
		} else if text := x.cfg.Policy.DeniedMessage; text != "" {
			m = errorMessage("security.access_denied_custom_message", text)
		}
		rep := reply{status: http.StatusForbidden, doc: terminal(t, m)}
		o.drop(t, x.now)
		return rep, false
	}
	return reply{}, true
}

// askKeep is the document that asks whether to stay signed in.
func (b *documentBuilder) askKeep(d *document) {
	d.Remediation = array(b.form("keep-me-signed-in", "keep-me-signed-in",
		field{Name: "keepMeSignedIn", Type: "boolean", Label: "Stay signed in", Required: true, Value: false}))
}

// keepSignedIn takes the answer.
func (o *Org) keepSignedIn(x *exchange, t *transaction, req *idxRequest) reply {
	if t.stage != stageKeep {
		return bad()
	}
	if req.KeepMeSignedIn == nil {
		return t.withMessage(x, http.StatusBadRequest, errorMessage("api.error.field_required", "'keepMeSignedIn' is required."))
	}
	t.remember = *req.KeepMeSignedIn
	o.finish(t, x.now)
	return t.ok(x)
}
