package oktasim

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"
)

// idxRequest holds every member that a body to /idp/idx/* may have; others are ignored.
type idxRequest struct {
	InteractionHandle string `json:"interactionHandle"`
	StateToken        string `json:"stateToken"`
	StateHandle       string `json:"stateHandle"`
	Identifier        string `json:"identifier"`
	RememberMe        bool   `json:"rememberMe"`
	KeepMeSignedIn    *bool  `json:"keepMeSignedIn"`
	Credentials       struct {
		Passcode string `json:"passcode"`
		TOTP     string `json:"totp"`
		Answer   string `json:"answer"`
		// QuestionKey and Question define a security question.
		QuestionKey string `json:"questionKey"`
		Question    string `json:"question"`
		// WebAuthn's, in base64 or base64url; ClientData is also the user name at an on-prem token.
		ClientData        string `json:"clientData"`
		AuthenticatorData string `json:"authenticatorData"`
		SignatureData     string `json:"signatureData"`
		Attestation       string `json:"attestation"`
		Transports        string `json:"transports"` // a JSON list in a string
		// Those of hardware tokens that are set up.
		ID           string `json:"id"`
		MethodType   string `json:"methodType"`
		CredentialID string `json:"credentialId"`
		NextPasscode string `json:"nextPasscode"`
	} `json:"credentials"`
	Email         string `json:"email"`
	PhoneNumber   string `json:"phoneNumber"`
	Authenticator struct {
		ID            string `json:"id"`
		EnrollmentID  string `json:"enrollmentId"`
		MethodType    string `json:"methodType"`
		AutoChallenge *bool  `json:"autoChallenge"`
		Channel       string `json:"channel"`
		PhoneNumber   string `json:"phoneNumber"`
	} `json:"authenticator"`
}

// reply is what a step of the state machine answers with. It is built under mu and encoded outside.
type reply struct {
	status int
	doc    *document
	// tooEarly, when set, asks for the rate-limit body instead of a document: it is when the next
	// poll may come.
	tooEarly time.Time
}

// idxStep is one /idp/idx/ endpoint. It runs with mu held and t live.
type idxStep func(x *exchange, t *transaction, req *idxRequest) reply

// serveIDX checks what all IDX endpoints check, finds the transaction and runs the step.
func (o *Org) serveIDX(x *exchange, step idxStep) {
	req, ok := x.idxBody()
	if !ok {
		return
	}
	rep := o.runStep(x, req, step)
	if !rep.tooEarly.IsZero() {
		x.tooManyRequests()
		x.announceLimit(0, rep.tooEarly.Add(time.Second)) // the header has whole seconds: round up
		return
	}
	x.json(rep.status, ionContentType, rep.doc)
}

// idxBody decodes the request; when it cannot, it has answered.
func (x *exchange) idxBody() (*idxRequest, bool) {
	if !jsonType(x.r.Header.Get("Content-Type")) {
		x.platformError(http.StatusUnsupportedMediaType, "E0000021", "Bad request. Accept and/or Content-Type headers likely do not match supported values.")
		return nil, false
	}
	if !acceptsIon(x.r.Header.Get("Accept")) {
		x.platformError(http.StatusNotAcceptable, "E0000021", "Bad request. Accept and/or Content-Type headers likely do not match supported values.")
		return nil, false
	}
	req := new(idxRequest)
	if err := json.Unmarshal(x.body, req); err != nil {
		x.platformError(http.StatusBadRequest, "E0000003", "The request body was not well-formed.")
		return nil, false
	}
	return req, true
}

func jsonType(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json"))
}

func acceptsIon(accept string) bool {
	if accept == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		t, _, _ := mime.ParseMediaType(part)
		if t == "*/*" || t == "application/*" || jsonType(part) {
			return true
		}
	}
	return false
}

// runStep is the part under lock.
func (o *Org) runStep(x *exchange, req *idxRequest, step idxStep) reply {
	o.mu.Lock()
	defer o.mu.Unlock()
	var t *transaction
	switch {
	case req.StateHandle != "":
		t = o.byHandle[req.StateHandle]
	case !strings.HasSuffix(x.r.URL.Path, "/introspect"):
		return reply{status: http.StatusBadRequest, doc: terminal(nil, errorMessage("api.error.field_required", "'stateHandle' is required."))}
	case req.StateToken != "":
		t = o.byHandle[req.StateToken]
	default:
		t = o.byInteract[req.InteractionHandle]
	}
	if t = o.live(t, x.now); t == nil {
		return reply{status: http.StatusUnauthorized, doc: terminal(nil, errorMessage("idx.session.expired", "The session has expired."))}
	}
	return step(x, t, req)
}

// bad refuses what does not fit the transaction's stage.
func bad() reply {
	return reply{status: http.StatusBadRequest, doc: terminal(nil, errorMessage("E0000020", "Bad request."))}
}

func (t *transaction) ok(x *exchange) reply { return reply{status: http.StatusOK, doc: t.document(x)} }
