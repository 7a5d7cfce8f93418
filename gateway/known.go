package gateway

import (
	"log/slog"
	"net/http"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/ui"
)

// knowPerson takes in who the person is where that is established before the gate; false when it is not. Sessions,
// forms and sign-ins in progress then belong to that person: whoever comes after them in the same browser, as somebody
// else, has none of them.
func (x *exchange) knowPerson() bool {
	if x.facts.Person == "" {
		return false
	}
	x.policy += "\x00" + x.facts.Person
	return true
}

// nobody answers where the person should be known and is not. Nothing is let through, and nobody is asked who they are:
// what is typed here would be believed.
func (x *exchange) nobody() {
	x.obs.Decision(DecisionFailed)
	x.log.ErrorContext(x.r.Context(), "nothing in front of the gate has said who this is; put the handler that primary identity names a placeholder of in front of okta_mfa",
		slog.String("client_ip", x.facts.ClientIP))
	if !x.wantsPage() {
		x.document(http.StatusForbidden, "Nothing in front of the sign-in gate has said who this is.")
		return
	}
	x.page(http.StatusForbidden, ui.Page{View: ui.ViewError, Problem: ui.ProblemMisconfigured, Return: returnPath(x.facts.URL)})
}

// begun is what the first page's form begins a sign-in with. Where the person is known, nothing that the browser sends
// can say who it is.
func (x *exchange) begun() flows.Answer {
	if x.cfg.PersonKnown {
		return flows.Answer{Values: map[string]string{flows.FieldIdentifier: x.facts.Person}}
	}
	typed := x.typed()
	if x.cfg.IdentifierFirst {
		delete(typed.Values, flows.FieldPassword) // the page has no such field
	}
	return typed
}
