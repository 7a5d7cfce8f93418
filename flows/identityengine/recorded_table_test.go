package identityengine

// expectation is what the engine has to make of one recording.
type expectation struct {
	// status is what Okta sent the document with; 0 is 200.
	status int
	// afterPassword and afterPoll are outcomes; an empty afterPoll is the same.
	afterPassword, afterPoll string
}

// recorded holds every recording. An outcome "calls ..." is what the engine sends without asking anybody: here the
// choice of the password from a list, a cancelled device probe, a skipped offer, the exchange of the code.
var recorded = map[string]expectation{
	"authenticator-enroll-data-phone":           {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-email":                {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-google-authenticator": {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-ov-email":             {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-ov-qr":                {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-ov-qr-enable-biometrics": {
		afterPassword: "denied unsupported final=true !oie.authenticator.app.method.push.enroll.enable.biometrics",
	},
	"authenticator-enroll-ov-same-device":                                {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-ov-via-email":                                  {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-password":                                      {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-phone":                                         {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-security-question":                             {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-select-authenticator":                          {afterPassword: "denied unsupported final=true"},
	"authenticator-enroll-select-authenticator-with-skip":                {afterPassword: "calls /idp/idx/skip"},
	"authenticator-enroll-webauthn":                                      {afterPassword: "denied unsupported final=true"},
	"authenticator-expired-password":                                     {afterPassword: "denied unsupported final=true"},
	"authenticator-reset-password":                                       {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-custom-app-push":                         {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-data-email":                              {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-data-okta-verify-push-autoChallenge-off": {afterPassword: "choose [push]"},
	"authenticator-verification-data-phone-sms-then-voice": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-duo": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-email":              {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-email-polling-long": {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-google-authenticator": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-number-challenge": {
		afterPassword: "wait number_challenge 4s number=10 [resend] [other]",
	},
	"authenticator-verification-okta-verify-push": {afterPassword: "wait push 4s number= [other]"},
	"authenticator-verification-okta-verify-push-autoChallenge-on": {
		afterPassword: "wait push 4s number= [resend] [other]",
	},
	"authenticator-verification-okta-verify-reject-push": {
		afterPassword: "denied denied_on_phone final=false [resend] [other] !api.authn.poll.error.push_rejected",
	},
	"authenticator-verification-okta-verify-signed-nonce-loopback": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-okta-verify-totp": {afterPassword: "code totp field=totp [other]"},
	"authenticator-verification-on-prem":          {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-password": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "identify field=password",
	},
	"authenticator-verification-phone-sms": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-security-question": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-select-authenticator": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-select-authenticator-ov-m2": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "choose [push] [totp]",
	},
	"authenticator-verification-symantec-vip": {afterPassword: "denied unsupported final=true"},
	"authenticator-verification-webauthn": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"authenticator-verification-yubikey":   {afterPassword: "denied unsupported final=true"},
	"consent-enduser":                      {afterPassword: "denied unsupported final=true"},
	"error-400-unauthorized-client":        {status: 400, afterPassword: "error malformed", afterPoll: "wait push 4s number="},
	"error-401-invalid-email-otp-passcode": {status: 401, afterPassword: "denied unsupported final=true"},
	"error-401-session-expired":            {status: 401, afterPassword: "denied expired final=true !idx.session.expired"},
	"error-403-security-access-denied": {
		status:        403,
		afterPassword: "denied policy final=true !security.access_denied",
	},
	"error-404-verification-timed-out": {
		status:        404,
		afterPassword: "denied timeout final=true !core.system.transaction_resource_not_found",
	},
	"error-429-api-limit-exceeded":    {status: 429, afterPassword: "error rate_limited"},
	"error-429-too-many-request":      {status: 429, afterPassword: "error rate_limited"},
	"error-500-internal-server-error": {status: 500, afterPassword: "error unavailable"},
	"error-authenticator-enroll-phone-invalid-number": {
		status:        400,
		afterPassword: "denied unsupported final=true !api.factors.error.sms.invalid_phone",
	},
	"error-authenticator-verification-on-google-otp-invalid-passcode": {
		status:        401,
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true",
	},
	"error-authenticator-verify-password": {
		status:        401,
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "identify field=password",
	},
	"error-okta-verify-totp": {
		status:        403,
		afterPassword: "code totp field=totp !api.authn.error.PASSCODE_INVALID [other]",
	},
	"identify": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"identify-recovery": {afterPassword: "denied unsupported final=true"},
	"identify-unknown-user": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true !errors.E0000004",
	},
	"identify-with-device-probing-loopback": {afterPassword: "calls /idp/idx/authenticators/poll/cancel"},
	"identify-with-password": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"okta-verify-version-upgrade": {
		afterPassword: "denied update_app final=false [resend] [other] !oie.authenticator.app.method.push.force.upgrade.number_challenge",
	},
	"post-auth-keep-me-signed-in": {afterPassword: "calls /idp/idx/keep-me-signed-in"},
	"safe-mode-polling":           {afterPassword: "error unavailable"},
	"success":                     {afterPassword: "error misconfigured"},
	"success-with-interaction-code": {
		afterPassword: "denied no_factor final=true",
		afterPoll:     "calls /oauth2/v1/token",
	},
	"terminal-polling-window-expired": {
		status:        400,
		afterPassword: "error unavailable",
		afterPoll:     "denied timeout final=true !E0000010",
	},
	"terminal-return-email": {afterPassword: "denied expired final=true !idx.return.to.original.tab"},
}
