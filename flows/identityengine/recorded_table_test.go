package identityengine

// expectation is what the engine has to make of one recording.
type expectation struct {
	// status is what Okta sent the document with; 0 is 200.
	status int
	// authenticator is Okta's key of the one that the form that is served is about; "" for none.
	authenticator string
	// ask and fields are the kind and the fields of the form that is served, where no page says them.
	ask    ask
	fields string
	// afterPassword and afterPoll are outcomes of an engine with everything switched on; an empty afterPoll is the same.
	// guarded is what afterPassword is where no option is: an empty one is the same.
	afterPassword, guarded, afterPoll string
}

// recorded holds every recording. An outcome "calls ..." is what the engine sends without asking anybody: here the
// choice of the password from a list, a cancelled device probe, a skipped offer, the exchange of the code.
var recorded = map[string]expectation{
	"authenticator-enroll-data-phone": {
		authenticator: "phone_number",
		afterPassword: `form enrolling sms phone at=/idp/idx/credential/enroll field=authenticator.methodType:select*(0=SMS|1=Voice call) field=authenticator.phoneNumber:tel*"Phone number" [other]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-email": {
		authenticator: "okta_email",
		afterPassword: `code enrolling email every=4s at=/idp/idx/challenge/answer field=passcode"Enter code" [resend] [other]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-google-authenticator": {
		authenticator: "google_otp",
		afterPassword: `code enrolling google_otp setup=qrcode,qr=true,secret=true,to=,link= at=/idp/idx/challenge/answer field=passcode"Enter code"`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-email": {
		authenticator: "okta_verify",
		afterPassword: "wait enrolling push every=4s setup=email,qr=false,secret=false,to=joy@okta.com,link= at=/idp/idx/challenge/poll [resend] [other] [channel-qrcode] [channel-sms]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-qr-enable-biometrics": {
		authenticator: "okta_verify",
		afterPassword: `wait enrolling push every=4s setup=qrcode,qr=true,secret=false,to=,link= at=/idp/idx/challenge/poll [other] [channel-sms] [channel-email] !oie.authenticator.app.method.push.enroll.enable.biometrics"Your organization requires biometrics. To proceed, ensure your device supports biometrics, then add your account and enable biometrics when prompted."`,
		guarded:       `denied enrollment final=true !oie.authenticator.app.method.push.enroll.enable.biometrics"Your organization requires biometrics. To proceed, ensure your device supports biometrics, then add your account and enable biometrics when prompted."`,
	},
	"authenticator-enroll-ov-qr": {
		authenticator: "okta_verify",
		afterPassword: "wait enrolling push every=4s setup=qrcode,qr=true,secret=false,to=,link= at=/idp/idx/challenge/poll [other] [channel-sms] [channel-email]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-same-device": {
		authenticator: "okta_verify",
		afterPassword: "wait enrolling push every=4s setup=samedevice,qr=false,secret=false,to=,link=https://apps.apple.com/us/app/okta-verify/id490179405 at=/idp/idx/challenge/poll [other]",
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-ov-via-email": {
		authenticator: "okta_verify",
		afterPassword: `form enrolling push address at=/idp/idx/challenge/send field=email:email*"Email" [other] [channel-qrcode] [channel-sms]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-password": {
		authenticator: "okta_password",
		afterPassword: `form enrolling password new_password at=/idp/idx/challenge/answer field=credentials.passcode*+secret"Enter password" field=confirm*+secret [other] i:sidegate.password_requirements"The new password needs: at least 8 characters, a lower-case letter, an upper-case letter, a number, a symbol, no part of your username, no part of your name, none of your last 4 passwords."`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-phone": {
		authenticator: "phone_number",
		afterPassword: `code enrolling sms at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-security-question": {
		authenticator: "security_question",
		afterPassword: `form enrolling security_question question at=/idp/idx/challenge/answer field=credentials:alternatives*(0=Choose a security question field=credentials.0.questionKey:select*"Choose a security question"(0=What is the food you least liked as a child?|1=What is the name of your first stuffed animal?|2=Where did you go for your favorite vacation?) field=credentials.0.answer*+secret"Answer"|1=Create my own security question field=credentials.1.question*"Create a security question" field=credentials.1.answer*+secret"Answer") [other]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-select-authenticator-with-skip": {
		afterPassword: `choose enrolling [enroll-sms "Okta Phone"] [enroll-webauthn:webauthn "Security Key or Biometric Authenticator (FIDO2)"] [skip]`,
		guarded:       "calls /idp/idx/skip",
	},
	"authenticator-enroll-select-authenticator": {
		afterPassword: `choose enrolling [enroll-sms "Okta Phone"] [enroll-webauthn:webauthn "Security Key or Biometric Authenticator (FIDO2)"] [enroll-security_question "Okta Security Question"] [enroll-push:qrcode "Okta Verify"] [enroll-google_otp "Google Authenticator"] [enroll-hardware_otp:otp "Atko Custom On-prem"] [enroll-hardware_otp-2:otp "RSA SecurID"] [enroll-other:otp "Atko Custom OTP Authenticator"] [enroll-hardware_otp-3 "Symantec VIP"] [enroll-hardware_otp-4:otp "YubiKey Authenticator"]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-enroll-webauthn": {
		authenticator: "webauthn",
		afterPassword: `webauthn enrolling webauthn create=true options={"challenge":"zrTo0mMXyCt90mweh2HL","rp":{"name":"idx"},"user":{"id":"MDB1dGptMUdzdFBqQ0Y5QWQwZzM","name":"test@okta.com","displayName":"test user"},"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"attestation":"direct","authenticatorSelection":{"userVerification":"discouraged"},"excludeCredentials":[{"type":"public-key","id":"hpxQXbu5R5Y2JMqpvtE9Oo9FdwO6z2kMR-ZQkAb6p6GSguXQ57oVXKvpVHT2fyCR_m2EL1vIgszxi00kyFIX6w"},{"type":"public-key","id":"7Ag2iWUqfz0SanWDj-ZZ2fpDsgiEDt_08O1VSSRZHpgkUS1zhLSyWYDrxXXB5VE_w1iiqSvPaRgXcmG5rPwB-w"}]} at=/idp/idx/challenge/answer [other]`,
		guarded:       "denied enrollment final=true",
	},
	"authenticator-expired-password": {
		authenticator: "okta_password",
		afterPassword: `form password password_expired at=/idp/idx/challenge/answer field=credentials.passcode*+secret"New password" field=confirm*+secret i:sidegate.password_requirements"The new password needs: at least 8 characters, a lower-case letter, an upper-case letter, a number, no part of your username."`,
	},
	"authenticator-reset-password": {
		authenticator: "okta_password",
		afterPassword: `form password reset_password at=/idp/idx/challenge/answer field=credentials.passcode*+secret"New password" field=confirm*+secret field=credentials.revokeSessions:boolean"Sign me out of all other devices" i:sidegate.password_requirements"The new password needs: at least 8 characters, a lower-case letter, an upper-case letter, a number, a symbol, no part of your username, no part of your name, none of your last 4 passwords."`,
		guarded:       "denied unsupported final=true obstacle=self_service",
	},
	"authenticator-verification-custom-app-push": {
		authenticator: "custom_app",
		afterPassword: "wait custom_push every=4s at=/idp/idx/challenge/poll",
	},
	"authenticator-verification-data-email": {
		authenticator: "okta_email",
		afterPassword: `choose [email:email "Email" (i***1@okta.com)]`,
	},
	"authenticator-verification-data-okta-verify-push-autoChallenge-off": {
		authenticator: "okta_verify",
		afterPassword: `choose on="Sanjay's Note10+" [push:push "Get a push notification"] [email:email "Email" (t***1@test.com)]`,
	},
	"authenticator-verification-data-phone-sms-then-voice": {
		authenticator: "phone_number",
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     `choose [sms:sms "SMS" (+1 XXX-XXX-2342)] [voice:voice "VOICE" (+1 XXX-XXX-2342)] [webauthn:webauthn "Security Key or Biometric"] [email:email "Okta Email"] [security_question "Okta Security Question"]`,
	},
	"authenticator-verification-duo": {
		authenticator: "duo",
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true obstacle=duo",
	},
	"authenticator-verification-email-polling-long": {
		authenticator: "okta_email",
		afterPassword: `code email on="i**a@h***o.net" every=2s at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
	},
	"authenticator-verification-email": {
		authenticator: "okta_email",
		afterPassword: `code email on="i**a@h***o.net" every=4s at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
	},
	"authenticator-verification-google-authenticator": {
		authenticator: "google_otp",
		afterPassword: `code google_otp at=/idp/idx/challenge/answer field=passcode"Enter code"`,
	},
	"authenticator-verification-number-challenge": {
		authenticator: "okta_verify",
		afterPassword: "wait number_challenge every=4s number=10 at=/idp/idx/challenge/poll [resend] [other]",
	},
	"authenticator-verification-okta-verify-push-autoChallenge-on": {
		authenticator: "okta_verify",
		afterPassword: `wait push on="iPhone" every=4s at=/idp/idx/authenticators/poll [resend] [other]`,
	},
	"authenticator-verification-okta-verify-push": {
		authenticator: "okta_verify",
		afterPassword: "wait push every=4s at=/idp/idx/challenge/poll [other]",
	},
	"authenticator-verification-okta-verify-reject-push": {
		authenticator: "okta_verify",
		afterPassword: `denied denied_on_phone final=false [resend] [other] !api.authn.poll.error.push_rejected"You have chosen to reject this login."`,
	},
	"authenticator-verification-okta-verify-signed-nonce-loopback": {
		authenticator: "okta_verify",
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     "denied unsupported final=true obstacle=fastpass",
	},
	"authenticator-verification-okta-verify-totp": {
		authenticator: "okta_verify",
		afterPassword: `code totp at=/idp/idx/challenge/answer field=totp"Enter code from Okta Verify app" [other]`,
	},
	"authenticator-verification-on-prem": {
		authenticator: "onprem_mfa",
		afterPassword: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Enter code" [other]`,
	},
	"authenticator-verification-password": {
		authenticator: "okta_password",
		afterPassword: "identify at=/idp/idx/challenge/answer field=password+secret [recover] !sidegate.credentials",
		guarded:       "identify at=/idp/idx/challenge/answer field=password+secret !sidegate.credentials",
		afterPoll:     "identify at=/idp/idx/challenge/answer field=password+secret [recover]",
	},
	"authenticator-verification-phone-sms": {
		authenticator: "phone_number",
		afterPassword: `code sms on="+1 XXX-XXX-2342" at=/idp/idx/challenge/answer field=passcode"Enter code" [resend] [other]`,
	},
	"authenticator-verification-security-question": {
		authenticator: "security_question",
		afterPassword: `code security_question at=/idp/idx/challenge/answer field=answer"Where did you go for your favorite vacation?" [other]`,
	},
	"authenticator-verification-select-authenticator-ov-m2": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     `choose [push:push "Get a push notification"] [totp:totp "Enter a code"]`,
	},
	"authenticator-verification-select-authenticator": {
		afterPassword: "calls /idp/idx/challenge",
		afterPoll:     `choose [webauthn:webauthn "Security Key or Biometric"] [email:email "Okta Email"] [sms:sms "SMS" (+1 XXX-XXX-5309)] [voice:voice "Voice call" (+1 XXX-XXX-5309)] [sms-2:sms "SMS" (+1 XXX-XXX-5310)] [voice-2:voice "Voice call" (+1 XXX-XXX-5310)] [security_question "Okta Security Question"] [google_otp "Google Authenticator"] [hardware_otp "Atko Custom On-prem"] [hardware_otp-2 "RSA SecurID"] [other-2:idp "Atko Custom OTP Authenticator"] [hardware_otp-3 "Symantec VIP"] [hardware_otp-4 "YubiKey Authenticator"] [custom_push:push "Get a push notification" (Todd’s iPhone)] [other-3:tac "Temporary Access Code"]`,
	},
	"authenticator-verification-symantec-vip": {
		authenticator: "symantec_vip",
		afterPassword: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Enter security code"`,
	},
	"authenticator-verification-webauthn": {
		authenticator: "webauthn",
		afterPassword: `webauthn webauthn create=false options={"challenge":"qjUCU0xoVe5QZ3-etDCD","userVerification":"required","allowCredentials":[{"type":"public-key","id":"hpxQXbu5R5Y2JMqpvtE9Oo9FdwO6z2kMR-ZQkAb6p6GSguXQ57oVXKvpVHT2fyCR_m2EL1vIgszxi00kyFIX6w","transports":["usb","nfc"]},{"type":"public-key","id":"7Ag2iWUqfz0SanWDj-ZZ2fpDsgiEDt_08O1VSSRZHpgkUS1zhLSyWYDrxXXB5VE_w1iiqSvPaRgXcmG5rPwB-w","transports":["internal"]}]} at=/idp/idx/challenge/answer [other]`,
		guarded:       "calls /idp/idx/challenge",
	},
	"authenticator-verification-yubikey": {
		authenticator: "yubikey_token",
		afterPassword: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Insert then tap your YubiKey"`,
	},
	"consent-enduser": {
		afterPassword: "form consent at=/idp/idx/consent field=consent:select*(0=Allow Access|1=Don't Allow)",
	},
	"error-400-unauthorized-client": {
		status:        400,
		afterPassword: "error malformed",
		afterPoll:     "wait push every=4s at=/idp/idx/authenticators/poll",
	},
	"error-401-invalid-email-otp-passcode": {
		authenticator: "okta_email",
		status:        401,
		afterPassword: `code email on="i**a@h***o.net" every=4s at=/idp/idx/challenge/answer field=passcode"Enter code" !api.authn.error.PASSCODE_INVALID"Invalid code. Try again." [resend]`,
	},
	"error-401-session-expired": {
		status:        401,
		afterPassword: `denied expired final=true !idx.session.expired"You have been logged out due to inactivity. Refresh or return to the sign in screen."`,
	},
	"error-403-security-access-denied": {
		status:        403,
		afterPassword: `denied policy final=true !security.access_denied"You do not have permission to perform the requested action."`,
	},
	"error-404-verification-timed-out": {
		status:        404,
		afterPassword: `denied timeout final=true !core.system.transaction_resource_not_found"Verification timed out. Please try again"`,
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
		authenticator: "phone_number",
		status:        400,
		afterPassword: `form enrolling sms phone at=/idp/idx/credential/enroll field=authenticator.methodType:select*(0=SMS|1=) field=authenticator.phoneNumber:tel* [other] !api.factors.error.sms.invalid_phone"Invalid Phone Number."`,
		guarded:       `denied enrollment final=true !api.factors.error.sms.invalid_phone"Invalid Phone Number."`,
	},
	"error-authenticator-verification-on-google-otp-invalid-passcode": {
		authenticator: "google_otp",
		status:        401,
		afterPassword: `code google_otp at=/idp/idx/challenge/answer field=passcode"Enter code" !authfactor.challenge.soft_token.invalid_passcode"API error: Your code doesn't match our records. Please try again." [other]`,
		afterPoll:     `code google_otp at=/idp/idx/challenge/answer field=passcode"Enter code" !authfactor.challenge.soft_token.invalid_passcode"API error: Your code doesn't match our records. Please try again."`,
	},
	"error-authenticator-verify-password": {
		authenticator: "okta_password",
		status:        401,
		afterPassword: "identify at=/idp/idx/challenge/answer field=password+secret [recover] !sidegate.credentials",
		guarded:       "identify at=/idp/idx/challenge/answer field=password+secret !sidegate.credentials",
		afterPoll:     "identify at=/idp/idx/challenge/answer field=password+secret [recover]",
	},
	"error-okta-verify-totp": {
		authenticator: "okta_verify",
		status:        403,
		afterPassword: `code totp on="OnePlus 7 Pro" at=/idp/idx/challenge/answer field=totp"Enter code" !api.authn.error.PASSCODE_INVALID"Invalid code. Try again." [other]`,
	},
	"identify-recovery": {
		afterPassword: `form recover at=/idp/idx/identify field=identifier*"Username"`,
		guarded:       "denied unsupported final=true obstacle=self_service",
	},
	"identify-unknown-user": {
		afterPassword: "identify field=password+secret !sidegate.credentials",
		afterPoll:     `denied expired final=true !errors.E0000004"Authentication failed"`,
	},
	"identify-with-device-probing-loopback": {
		ask: askProbe, fields: "stateHandle",
		afterPassword: "calls /idp/idx/authenticators/poll/cancel",
	},
	"identify-with-password": {
		authenticator: "okta_password",
		afterPassword: "identify field=password+secret !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"identify": {
		afterPassword: "identify field=password+secret !sidegate.credentials",
		afterPoll:     "denied expired final=true",
	},
	"okta-verify-version-upgrade": {
		authenticator: "okta_verify",
		afterPassword: `denied update_app final=false on="sdk_gphone_x86" [resend] [other] !oie.authenticator.app.method.push.force.upgrade.number_challenge"Your response was received, but your Okta Verify version is no longer supported by your organization. To verify your identity with push notifcations, update Okta Verify to the latest version, then try again."`,
	},
	"post-auth-keep-me-signed-in": {
		ask: askKeepSignedIn, fields: "keepMeSignedIn stateHandle",
		afterPassword: "calls /idp/idx/keep-me-signed-in",
	},
	"safe-mode-polling": {
		afterPassword: "wait every=2s degraded at=/idp/idx/poll",
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
		afterPoll:     `denied timeout final=true !E0000010"Server is unable to respond at the moment."`,
	},
	"terminal-return-email": {
		afterPassword: `denied elsewhere final=true i:idx.return.to.original.tab"Please return to the original tab."`,
	},
}
