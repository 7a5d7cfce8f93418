// Package oktasim owns a simulated Okta org: authorization servers, the Identity Engine's /idp/idx/*
// state machine, the Users, Factors and Classic Authentication API with its tokens and service apps,
// and the phones of its users, which a test drives by Go calls and a person by a web page. What a user
// has set up serves both engines. It exists so that everything else can be tested without an Okta tenant.
//
// It is hostile by default where Okta is strict: PKCE, client authentication, redirect URIs, one-time
// codes and handles, poll intervals and rate limits are enforced, and faults can be injected. It imports
// nothing of this module on purpose: a misunderstanding of Okta's protocol must not hide on both
// sides. It keeps everything in memory, has no goroutine of its own, and is not for production.
package oktasim
