package oktasim

// The shapes below are Okta's Ion subset (identity-engine.md §3). They are only ever encoded.

const (
	ionContentType  = "application/ion+json; okta-version=1.0.0"
	acceptsJSON     = "application/json; okta-version=1.0.0"
	timestampLayout = "2006-01-02T15:04:05.000Z"
)

type ionArray[T any] struct {
	Type  string `json:"type"`
	Value []T    `json:"value"`
}

func array[T any](v ...T) *ionArray[T] {
	if len(v) == 0 {
		return nil
	}
	return &ionArray[T]{Type: "array", Value: v}
}

type object struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

func objectOf(v any) *object { return &object{Type: "object", Value: v} }

type document struct {
	Version                        string                   `json:"version"`
	StateHandle                    string                   `json:"stateHandle,omitempty"`
	ExpiresAt                      string                   `json:"expiresAt,omitempty"`
	Intent                         string                   `json:"intent,omitempty"`
	Remediation                    *ionArray[*form]         `json:"remediation,omitempty"`
	Messages                       *ionArray[message]       `json:"messages,omitempty"`
	CurrentAuthenticator           *object                  `json:"currentAuthenticator,omitempty"`
	CurrentAuthenticatorEnrollment *object                  `json:"currentAuthenticatorEnrollment,omitempty"`
	Authenticators                 *ionArray[authenticator] `json:"authenticators,omitempty"`
	AuthenticatorEnrollments       *ionArray[authenticator] `json:"authenticatorEnrollments,omitempty"`
	AuthenticatorChallenge         *object                  `json:"authenticatorChallenge,omitempty"`
	User                           *object                  `json:"user,omitempty"`
	Cancel                         *form                    `json:"cancel,omitempty"`
	App                            *object                  `json:"app,omitempty"`
	Success                        *form                    `json:"successWithInteractionCode,omitempty"`
}

// form is a remediation or an action.
type form struct {
	Rel       []string `json:"rel,omitempty"`
	Name      string   `json:"name"`
	RelatesTo []string `json:"relatesTo,omitempty"`
	Href      string   `json:"href"`
	Method    string   `json:"method"`
	Produces  string   `json:"produces,omitempty"`
	Refresh   int64    `json:"refresh,omitempty"`
	Value     []field  `json:"value,omitempty"`
	Accepts   string   `json:"accepts,omitempty"`
	// Type and IDP are those of redirect-idp.
	Type string            `json:"type,omitempty"`
	IDP  map[string]string `json:"idp,omitempty"`
}

type field struct {
	Name     string             `json:"name"`
	Type     string             `json:"type,omitempty"`
	Label    string             `json:"label,omitempty"`
	Required any                `json:"required,omitempty"`
	Value    any                `json:"value,omitempty"`
	Secret   bool               `json:"secret,omitempty"`
	Visible  *bool              `json:"visible,omitempty"`
	Mutable  *bool              `json:"mutable,omitempty"`
	Form     *fields            `json:"form,omitempty"`
	Options  []option           `json:"options,omitempty"`
	Messages *ionArray[message] `json:"messages,omitempty"`
}

type fields struct {
	Value []field `json:"value"`
}

type option struct {
	Label     string `json:"label"`
	Value     any    `json:"value"`
	RelatesTo string `json:"relatesTo,omitempty"`
}

type message struct {
	Message string `json:"message"`
	I18n    i18n   `json:"i18n"`
	Class   string `json:"class"`
}

type i18n struct {
	Key    string `json:"key"`
	Params []any  `json:"params,omitempty"`
}

type authenticator struct {
	Type            string            `json:"type"`
	Key             string            `json:"key"`
	ID              string            `json:"id"`
	AuthenticatorID string            `json:"authenticatorId,omitempty"`
	DisplayName     string            `json:"displayName"`
	Methods         []method          `json:"methods"`
	Profile         map[string]string `json:"profile,omitempty"`
	CredentialID    string            `json:"credentialId,omitempty"`
	GracePeriod     map[string]string `json:"gracePeriod,omitempty"`
	Transports      []string          `json:"transports,omitempty"`
	ContextualData  map[string]any    `json:"contextualData,omitempty"`
	Resend          *form             `json:"resend,omitempty"`
	Poll            *form             `json:"poll,omitempty"`
	Recover         *form             `json:"recover,omitempty"`
	Settings        map[string]any    `json:"settings,omitempty"`
	Cancel          *form             `json:"cancel,omitempty"`
}

type method struct {
	Type string `json:"type"`
}

// errorMessage takes the values that the text was made with: Okta's widget makes it anew, in its own language.
func errorMessage(key, text string, params ...any) message {
	return message{Message: text, I18n: i18n{Key: key, Params: params}, Class: "ERROR"}
}

var isFalse = new(bool)

// fixed is a field that the client sends back as it is.
func fixed(name string, value any) field {
	return field{Name: name, Required: true, Value: value, Mutable: isFalse}
}

func hidden(name string, value any) field {
	f := fixed(name, value)
	f.Visible = isFalse
	return f
}
