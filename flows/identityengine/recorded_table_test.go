package identityengine

// expectation is what the engine has to make of one recording.
type expectation struct {
	// status is what Okta sent the document with; 0 is 200.
	status int
	// afterPassword and afterPoll are outcomes of an engine with everything switched on; an empty afterPoll is the same.
	// guarded is what afterPassword is where no option is: an empty one is the same.
	afterPassword, guarded, afterPoll string
}

// recorded holds every recording. An outcome "calls ..." is what the engine sends without asking anybody: here the
// choice of the password from a list, a cancelled device probe, a skipped offer, the exchange of the code.
var recorded = map[string]expectation{
	"authenticator-enroll-data-phone": {
		afterPassword: "form enrolling sms phone field=authenticator.methodType:select*(0|1) field=authenticator.phoneNumber:tel* [other]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-email": {
		afterPassword: "code enrolling email 4s number= field=passcode [resend] [other]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-google-authenticator": {
		afterPassword: "code enrolling google_otp setup=qrcode,qr=true,secret=true,to=,link= field=passcode",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-email": {
		afterPassword: "wait enrolling push 4s number= setup=email,qr=false,secret=false,to=joy@okta.com,link= [resend] [other] [channel-qrcode] [channel-sms]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-qr-enable-biometrics": {
		afterPassword: "wait enrolling push 4s number= setup=qrcode,qr=true,secret=false,to=,link= [other] [channel-sms] [channel-email] !oie.authenticator.app.method.push.enroll.enable.biometrics",
		guarded:       "denied enrollment final=true !oie.authenticator.app.method.push.enroll.enable.biometrics",
	},
	"authenticator-enroll-ov-qr": {
		afterPassword: "wait enrolling push 4s number= setup=qrcode,qr=true,secret=false,to=,link= [other] [channel-sms] [channel-email]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-same-device": {
		afterPassword: "wait enrolling push 4s number= setup=samedevice,qr=false,secret=false,to=,link=https://apps.apple.com/us/app/okta-verify/id490179405 [other]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-via-email": {
		afterPassword: "form enrolling push address field=email:email* [other] [channel-qrcode] [channel-sms]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-password": {
		afterPassword: "form enrolling password new_password field=credentials.passcode* field=confirm* [other] !sidegate.password_requirements",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-phone": {
		afterPassword: "code enrolling sms field=passcode [resend]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-security-question": {
		afterPassword: "form enrolling security_question question field=credentials:alternatives*(0 field=credentials.0.questionKey:select*(0|1|2) field=credentials.0.answer*|1 field=credentials.1.question* field=credentials.1.answer*) [other]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-select-authenticator-with-skip": {
		afterPassword: "choose enrolling [enroll-sms] [enroll-webauthn] [skip]",
		guarded:       "calls /idp/idx/skip",
	},
	"authenticator-enroll-select-authenticator": {
		afterPassword: "choose enrolling [enroll-sms] [enroll-webauthn] [enroll-security_question] [enroll-push] [enroll-google_otp] [enroll-hardware_otp] [enroll-hardware_otp-2] [enroll-other] [enroll-hardware_otp-3]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-webauthn": {
		afterPassword: `webauthn enrolling webauthn create=true options={"challenge":"zrTo0mMXyCt90mweh2HL","rp":{"name":"idx"},"user":{"id":"MDB1dGptMUdzdFBqQ0Y5QWQwZzM","name":"test@okta.com","displayName":"test user"},"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"attestation":"direct","authenticatorSelection":{"userVerification":"discouraged"},"excludeCredentials":[{"type":"public-key","id":"hpxQXbu5R5Y2JMqpvtE9Oo9FdwO6z2kMR-ZQkAb6p6GSguXQ57oVXKvpVHT2fyCR_m2EL1vIgszxi00kyFIX6w"},{"type":"public-key","id":"7Ag2iWUqfz0SanWDj-ZZ2fpDsgiEDt_08O1VSSRZHpgkUS1zhLSyWYDrxXXB5VE_w1iiqSvPaRgXcmG5rPwB-w"}]} [other]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-expired-password": {
		afterPassword: "form password password_expired field=credentials.passcode* field=confirm* !sidegate.password_requirements",
	},
	"authenticator-reset-password": {
		afterPassword: "form password reset_password field=credentials.passcode* field=confirm* field=credentials.revokeSessions:boolean !sidegate.password_requirements",
	},
	"authenticator-verification-custom-app-push": {
		afterPassword: "wait custom_push 4s number=",
	},
	"authenticator-verification-data-email": {
		afterPassword: "choose [email]",
	},
	"authenticator-verification-data-okta-verify-push-autoChallenge-off": {
		afterPassword: "choose [push] [email]",
	},
	"authenticator-verification-data-phone-sms-then-voice": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "choose [sms] [voice] [webauthn] [email] [security_question]",
	},
	"authenticator-verification-duo": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true obstacle=duo",
	},
	"authenticator-verification-email-polling-long": {
		afterPassword: "code email 2s number= field=passcode [resend]",
	},
	"authenticator-verification-email": {
		afterPassword: "code email 4s number= field=passcode [resend]",
	},
	"authenticator-verification-google-authenticator": {
		afterPassword: "code google_otp field=passcode",
	},
	"authenticator-verification-number-challenge": {
		afterPassword: "wait number_challenge 4s number=10 [resend] [other]",
	},
	"authenticator-verification-okta-verify-push-autoChallenge-on": {
		afterPassword: "wait push 4s number= [resend] [other]",
	},
	"authenticator-verification-okta-verify-push": {
		afterPassword: "wait push 4s number= [other]",
	},
	"authenticator-verification-okta-verify-reject-push": {
		afterPassword: "denied denied_on_phone final=false [resend] [other] !api.authn.poll.error.push_rejected",
	},
	"authenticator-verification-okta-verify-signed-nonce-loopback": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true obstacle=fastpass",
	},
	"authenticator-verification-okta-verify-totp": {
		afterPassword: "code totp field=totp [other]",
	},
	"authenticator-verification-on-prem": {
		afterPassword: "code hardware_otp field=passcode [other]",
	},
	"authenticator-verification-password": {
		afterPassword: "identify field=password [recover] !sidegate.credentials",
		guarded:       "identify field=password !sidegate.credentials",
		afterPoll:     "identify field=password [recover]",
	},
	"authenticator-verification-phone-sms": {
		afterPassword: "code sms field=passcode [resend] [other]",
	},
	"authenticator-verification-security-question": {
		afterPassword: "code security_question field=answer [other]",
	},
	"authenticator-verification-select-authenticator-ov-m2": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "choose [push] [totp]",
	},
	"authenticator-verification-select-authenticator": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "choose [webauthn] [email] [sms] [voice] [sms-2] [voice-2] [security_question] [google_otp] [hardware_otp]",
	},
	"authenticator-verification-symantec-vip": {
		afterPassword: "code hardware_otp field=passcode",
	},
	"authenticator-verification-webauthn": {
		afterPassword: `webauthn webauthn create=false options={"challenge":"qjUCU0xoVe5QZ3-etDCD","userVerification":"required","allowCredentials":[{"type":"public-key","id":"hpxQXbu5R5Y2JMqpvtE9Oo9FdwO6z2kMR-ZQkAb6p6GSguXQ57oVXKvpVHT2fyCR_m2EL1vIgszxi00kyFIX6w","transports":["usb","nfc"]},{"type":"public-key","id":"7Ag2iWUqfz0SanWDj-ZZ2fpDsgiEDt_08O1VSSRZHpgkUS1zhLSyWYDrxXXB5VE_w1iiqSvPaRgXcmG5rPwB-w","transports":["internal"]}]} [other]`,
		guarded:       "calls /idp/idx/challenge",
	},
	"authenticator-verification-yubikey": {
		afterPassword: "code hardware_otp field=passcode",
	},
	"consent-enduser": {
		afterPassword: "form consent field=consent:select*(0|1)",
	},
	"error-400-unauthorized-client": {
		status:        400,
		afterPassword: "error malformed",
		afterPoll:     "wait push 4s number=",
	},
	"error-401-invalid-email-otp-passcode": {
		status:        401,
		afterPassword: "code email 4s number= field=passcode !api.authn.error.PASSCODE_INVALID [resend]",
	},
	"error-401-session-expired": {
		status:        401,
		afterPassword: "denied expired final=true !idx.session.expired",
	},
	"error-403-security-access-denied": {
		status:        403,
		afterPassword: "denied policy final=true !security.access_denied",
	},
	"error-404-verification-timed-out": {
		status:        404,
		afterPassword: "denied timeout final=true !core.system.transaction_resource_not_found",
	},
	"error-429-api-limit-exceeded": {
		status:        429,
		afterPassword: "error rate_limited",
	},
	"error-429-too-many-request": {
		status:        429,
		afterPassword: "error rate_limited",
	},
	"error-500-internal-server-error": {
		status:        500,
		afterPassword: "error unavailable",
	},
	"error-authenticator-enroll-phone-invalid-number": {
		status:        400,
		afterPassword: "form enrolling sms phone field=authenticator.methodType:select*(0|1) field=authenticator.phoneNumber:tel* [other] !api.factors.error.sms.invalid_phone",
		guarded:       "denied enrollment final=true !api.factors.error.sms.invalid_phone",
	},
	"error-authenticator-verification-on-google-otp-invalid-passcode": {
		status:        401,
		afterPassword: "code google_otp field=passcode !authfactor.challenge.soft_token.invalid_passcode [other]",
		afterPoll:     "code google_otp field=passcode !authfactor.challenge.soft_token.invalid_passcode",
	},
	"error-authenticator-verify-password": {
		status:        401,
		afterPassword: "identify field=password [recover] !sidegate.credentials",
		guarded:       "identify field=password !sidegate.credentials",
		afterPoll:     "identify field=password [recover]",
	},
	"error-okta-verify-totp": {
		status:        403,
		afterPassword: "code totp field=totp !api.authn.error.PASSCODE_INVALID [other]",
	},
	"identify-recovery": {
		afterPassword: "form recover field=identifier*",
	},
	"identify-unknown-user": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true !errors.E0000004",
	},
	"identify-with-device-probing-loopback": {
		afterPassword: "calls /idp/idx/authenticators/poll/cancel",
	},
	"identify-with-password": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"identify": {
		afterPassword: "identify field=password !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"okta-verify-version-upgrade": {
		afterPassword: "denied update_app final=false [resend] [other] !oie.authenticator.app.method.push.force.upgrade.number_challenge",
	},
	"post-auth-keep-me-signed-in": {
		afterPassword: "calls /idp/idx/keep-me-signed-in",
	},
	"safe-mode-polling": {
		afterPassword: "error unavailable",
	},
	"success-with-interaction-code": {
		afterPassword: "denied no_factor final=true",
		afterPoll:     "calls /oauth2/v1/token",
	},
	"success": {
		afterPassword: "error misconfigured",
	},
	"terminal-polling-window-expired": {
		status:        400,
		afterPassword: "error unavailable",
		afterPoll:     "denied timeout final=true !E0000010",
	},
	"terminal-return-email": {
		afterPassword: "denied elsewhere final=true !idx.return.to.original.tab",
	},
}
