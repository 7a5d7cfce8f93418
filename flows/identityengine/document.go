package identityengine

import (
	"strings"

	"sidegate.example/sidegate/flows"
)

const (
	maxForms    = 64
	maxMessages = 8
	// maxText bounds a text of Okta that goes on a page.
	maxText = 1024
)

// document is one answer of the Identity Engine.
type document struct {
	// root is kept for relatesTo, which points anywhere into it.
	root     node
	handle   string
	forms    []*form
	messages []flows.Message
	// interactionCode is set when the sign-in is over.
	interactionCode string
	// redirected is set when Okta ended it in the way for apps that have no embedded sign-in.
	redirected bool
	cancel     *form
	// print is the answer's fingerprint.
	print string
	// unlocking is set when the person came to unlock an account.
	unlocking bool
}

// readDocument decodes an answer; false when it is not an IDX document, whatever its status (§8.4).
func readDocument(body []byte) (*document, bool) {
	root, err := parseJSON(body)
	if err != nil {
		return nil, false
	}
	d := &document{
		root:            root,
		handle:          root.get(stateHandle).text(),
		messages:        readMessages(root.get("messages")),
		interactionCode: interactionCode(root.get("successWithInteractionCode")),
		redirected:      root.has("success"),
	}
	// A recorded success has no version; every other document has one (§3.8).
	version := root.get("version").text()
	if d.interactionCode == "" && !strings.HasPrefix(version, "1.") {
		return nil, false
	}
	for _, n := range root.get("remediation").items() {
		if len(d.forms) == maxForms {
			break
		}
		if n.get("name").text() != "" {
			d.forms = append(d.forms, readForm(n))
		}
	}
	d.cancel = action(root, "cancel")
	return d, true
}

// otherVersion reports whether an answer is an IDX document of a version that is not spoken here.
func otherVersion(body []byte) bool {
	root, err := parseJSON(body)
	version := root.get("version").text()
	return err == nil && version != "" && !strings.HasPrefix(version, "1.")
}

// interactionCode takes the code out of the success form. The form's own href is not followed: the token
// endpoint is known from the configuration.
func interactionCode(success node) string {
	for _, f := range readFields(success.get("value"), 1) {
		if f.name == "interaction_code" {
			return node{f.literal}.text()
		}
	}
	return ""
}

// action is the form named key inside n, nil when there is none.
func action(n node, key string) *form {
	if a := n.get(key); a.has("href") {
		return readForm(a)
	}
	return nil
}

// authenticator is what an object of §3.5 says, old form or new.
type authenticator struct {
	node    node
	key     string
	methods []string
	device  string
}

func readAuthenticator(n node) authenticator {
	a := authenticator{node: n, key: n.get("key").text(), device: shorten(n.get("profile").get("deviceName").text())}
	if a.key == "" {
		a.key = n.get("catalogKey").text()
	}
	for _, m := range n.get("methods").items() {
		t := m.get("type").text()
		if t == "" {
			t = m.get("methodType").text()
		}
		a.methods = append(a.methods, t)
	}
	return a
}

// isOktaVerify takes the keys of "Flexible Okta Verify" along.
func (a authenticator) isOktaVerify() bool { return strings.HasPrefix(a.key, "okta_verify") }

// isPassword goes by the type too, and by a part of the name ("okta_duresspassword"): no kind of password must pass for
// a second factor (immunity S71).
func (a authenticator) isPassword() bool {
	return strings.Contains(a.key, "password") || strings.Contains(a.node.get("type").text(), "password")
}

func (a authenticator) isCustomApp() bool { return a.key == "custom_app" || a.key == "custom_push" }

// current is the authenticator that a form is about (§3.5).
func (d *document) current(f *form) authenticator {
	for _, n := range []node{
		d.root.resolve(f.relatesTo),
		d.root.get("currentAuthenticatorEnrollment").inner(),
		d.root.get("currentAuthenticator").inner(),
	} {
		if a := readAuthenticator(n); a.key != "" || a.isPassword() {
			return a
		}
	}
	return authenticator{}
}

// device names the phone: the authenticator's own name for it, or that of the one enrolment of Okta Verify.
func (d *document) device(a authenticator) string {
	if a.device != "" {
		return a.device
	}
	name := ""
	for _, n := range d.root.get("authenticatorEnrollments").items() {
		e := readAuthenticator(n)
		if !e.isOktaVerify() || e.device == "" {
			continue
		}
		if name != "" && name != e.device {
			return "" // two phones: do not guess
		}
		name = e.device
	}
	return name
}
