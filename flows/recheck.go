package flows

import "context"

// Rechecker is a Flow that can tell what Okta says now of somebody who is signed in.
type Rechecker interface {
	// Recheck asks Okta about the person of s and returns what is so. A returned error is a *Error and says nothing about the
	// person. What Renewal was may be spent all the same: that of the Standing beside an error takes its place, unless it is "".
	Recheck(ctx context.Context, c ClientContext, s Standing) (Standing, error)
}

// Standing is what Okta says of somebody who is signed in.
type Standing struct {
	// Subject is Okta's user id.
	Subject string
	// Renewal is the Renewal of the identity that the sign-in ended with, or what the latest Recheck has put in its place. It is
	// a secret.
	Renewal string
	// Active reports whether the person may still be signed in.
	Active bool
	// Groups are the person's groups as the sign-in would give them; nil where Okta does not tell. Those that it told of last are
	// what the question is put with.
	Groups []string
}
