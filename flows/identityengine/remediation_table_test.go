package identityengine

import "sidegate.example/sidegate/flows"

// remediation is what the engine has to make of one of our own fixtures.
type remediation struct {
	// shows is the outcome of an engine with everything switched on, guarded that of one with no option; an empty one is
	// the same.
	shows, guarded string
	// answer is what a person does there, posts what Okta is sent then; an empty one is nothing to do.
	answer flows.Answer
	posts  string
}

// remediations holds every fixture of testdata/remediation: the names of Okta's table with their variants.
var remediations = map[string]remediation{
	"admin-consent": {shows: `form consent at=/idp/idx/consent field=consent:select*"Consent"(0=Allow|1=Do not allow)`},
	"authenticator-enrollment-data.email": {
		shows:   `form enrolling email other at=/idp/idx/credential/enroll field=authenticator.email:email*"Address"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"authenticator.email": "joe@example.com"}},
		posts:   `/idp/idx/credential/enroll {"authenticator":{"email":"joe@example.com","id":"aut2"},"stateHandle":"h"}`,
	},
	"authenticator-enrollment-data": {
		shows:   `form enrolling sms phone at=/idp/idx/credential/enroll field=authenticator.methodType:select*(0=SMS|1=Voice call) field=authenticator.phoneNumber:tel*"Phone number"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"authenticator.methodType": "1", "authenticator.phoneNumber": " +15555550100", "authenticator.id": "mine"}},
		posts:   `/idp/idx/credential/enroll {"authenticator":{"id":"aut2","methodType":"voice","phoneNumber":"+15555550100"},"stateHandle":"h"}`,
	},
	"authenticator-verification-data.fastpass": {shows: "denied unsupported final=true obstacle=fastpass"},
	"authenticator-verification-data": {
		shows:  `choose [push:push "Push"] [totp:totp "Code"]`,
		answer: flows.Answer{Choice: "push"},
		posts:  `/idp/idx/challenge {"authenticator":{"autoChallenge":false,"id":"aut1","methodType":"push"},"stateHandle":"h"}`,
	},
	"authenticator-verification-data.phones": {
		shows:  `choose [sms:sms "SMS" (+1 XXX-XXX-0100)] [voice:voice "Voice call" (+1 XXX-XXX-0100)] [sms-2:sms "SMS" (+1 XXX-XXX-0200)]`,
		answer: flows.Answer{Choice: "sms-2"},
		posts:  `/idp/idx/challenge {"authenticator":{"enrollmentId":"sms2","id":"aut2","methodType":"sms"},"stateHandle":"h"}`,
	},
	"cancel-transaction":                     {shows: "calls /idp/idx/authenticators/sso_extension/transactions/1/verify/cancel"},
	"challenge-authenticator.brand_new":      {shows: `code other at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.custom_otp":     {shows: `code other at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.duo":            {shows: "denied unsupported final=true obstacle=duo"},
	"challenge-authenticator.duresspassword": {shows: "identify at=/idp/idx/challenge/answer field=password+secret !sidegate.credentials"},
	"challenge-authenticator.google_otp":     {shows: `code google_otp at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.keyless":        {shows: `code at=/idp/idx/challenge/answer field=passcode+secret"Password or code"`},
	"challenge-authenticator.okta_email": {
		shows:  `code email on="j***e@example.com" every=3s at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
		answer: flows.Answer{Values: map[string]string{"passcode": "a1b2 c3d4 e5"}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"passcode":"a1b2c3d4e5"},"stateHandle":"h"}`,
	},
	"challenge-authenticator.okta_password": {
		shows:   "identify at=/idp/idx/challenge/answer field=password+secret [recover] !sidegate.credentials",
		guarded: "identify at=/idp/idx/challenge/answer field=password+secret !sidegate.credentials",
		answer:  flows.Answer{Choice: "recover"},
		posts:   `/idp/idx/recover {"stateHandle":"h"}`,
	},
	"challenge-authenticator.okta_verify": {
		shows:  `code totp at=/idp/idx/challenge/answer field=totp"Enter code"`,
		answer: flows.Answer{Values: map[string]string{"totp": "123456"}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"totp":"123456"},"stateHandle":"h"}`,
	},
	"challenge-authenticator.onprem_mfa": {shows: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.phone_number": {
		shows:  `code voice on="+1 XXX-XXX-0100" at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
		answer: flows.Answer{Values: map[string]string{"passcode": "123 456"}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"passcode":"123456"},"stateHandle":"h"}`,
	},
	"challenge-authenticator.rsa_token": {shows: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.security_question": {
		shows:  `code security_question at=/idp/idx/challenge/answer field=answer"What is the food you least liked as a child?"`,
		answer: flows.Answer{Values: map[string]string{"answer": " liver pie "}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"answer":"liver pie","questionKey":"disliked_food"},"stateHandle":"h"}`,
	},
	"challenge-authenticator.symantec_vip": {shows: `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.tac":          {shows: `code other at=/idp/idx/challenge/answer field=passcode"Enter code"`},
	"challenge-authenticator.webauthn": {
		shows:   `webauthn webauthn create=false options={"challenge":"Y2hhbGxlbmdl","rpId":"example.com","userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"Y3JlZA","transports":["usb","nfc"]}]} at=/idp/idx/challenge/answer`,
		guarded: "denied unsupported final=true obstacle=webauthn",
		answer:  flows.Answer{Values: map[string]string{"clientData": "Yw==", "authenticatorData": "YQ", "signatureData": "c2ln"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"authenticatorData":"YQ","clientData":"Yw","signatureData":"c2ln"},"stateHandle":"h"}`,
	},
	"challenge-authenticator.yubikey_token": {
		shows:  `code hardware_otp at=/idp/idx/challenge/answer field=passcode"Press the key"`,
		answer: flows.Answer{Values: map[string]string{"passcode": "cccjgjgkhcbbirdrfdnlnghhfgrtnnlgedjlftrbdeut"}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"passcode":"cccjgjgkhcbbirdrfdnlnghhfgrtnnlgedjlftrbdeut"},"stateHandle":"h"}`,
	},
	"challenge-poll.custom_app": {shows: "wait custom_push every=4s at=/idp/idx/challenge/poll [resend]"},
	"challenge-poll.fastpass":   {shows: `choose [email:email "Email" (j***e@example.com)]`},
	"challenge-poll": {
		shows:  `wait number_challenge on="Pixel 7" every=2s number=07 at=/idp/idx/authenticators/poll [resend]`,
		answer: flows.Answer{Choice: "resend"},
		posts:  `/idp/idx/challenge/resend {"stateHandle":"h"}`,
	},
	"challenge-poll.nfc":                          {shows: "denied unsupported final=true obstacle=device"},
	"challenge-webauthn-autofillui-authenticator": {shows: "identify field=password+secret !sidegate.credentials"},
	"consent": {
		shows:  `form consent at=/idp/idx/consent field=consent:select*"Consent"(0=Allow|1=Do not allow)`,
		answer: flows.Answer{Values: map[string]string{"consent": "1"}},
		posts:  `/idp/idx/consent {"consent":false,"stateHandle":"h"}`,
	},
	"device-apple-sso-extension": {shows: "denied unsupported final=true obstacle=device"},
	"device-assurance-grace-period": {
		shows:  `form other at=/idp/idx/skip i:idx.device_assurance.grace_period.warning.title.due_by_date"Fix the issue soon." i:idx.error.code.access_denied.device_assurance.remediation.android.use_lock_screen"Enable lock screen"`,
		answer: flows.Answer{Values: map[string]string{}},
		posts:  `/idp/idx/skip {"stateHandle":"h"}`,
	},
	"device-challenge-poll":          {shows: "calls /idp/idx/authenticators/poll/cancel"},
	"device-challenge-poll.nocancel": {shows: "denied unsupported final=true obstacle=device"},
	"email-challenge-consent":        {shows: `form consent at=/idp/idx/consent field=consent:select*"Consent"(0=Allow|1=Do not allow)`},
	"enroll-authenticator-promotion": {
		shows:   `webauthn enrolling webauthn create=true options={"challenge":"Y2hhbGxlbmdl","rp":{"name":"Org"},"user":{"id":"MDB1MQ","name":"joe","displayName":"Joe"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]} at=/idp/idx/credential/enroll [skip]`,
		guarded: "calls /idp/idx/skip",
		answer:  flows.Answer{Values: map[string]string{"clientData": "Yw", "attestation": "YXR0"}},
		posts:   `/idp/idx/credential/enroll {"credentials":{"attestation":"YXR0","clientData":"Yw"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.duo": {shows: "denied unsupported final=true obstacle=duo"},
	"enroll-authenticator.google_otp": {
		shows:   `code enrolling google_otp setup=qrcode,qr=true,secret=true,to=,link= at=/idp/idx/challenge/answer field=passcode"Enter code"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"passcode": "123456"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"passcode":"123456"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.okta_email": {
		shows:   `code enrolling email every=4s at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"passcode": "123456"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"passcode":"123456"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.okta_password": {
		shows:   `form enrolling password new_password at=/idp/idx/challenge/answer field=credentials.passcode*+secret"Enter password" field=confirm*+secret i:sidegate.password_requirements"The new password needs: at least 12 characters, 2 numbers, no part of your name, none of your last 4 passwords."`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"credentials.passcode": " New 1 ", "confirm": " New 1 "}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"passcode":" New 1 "},"stateHandle":"h"}`,
	},
	"enroll-authenticator.onprem_mfa": {
		shows:   `form enrolling hardware_otp other at=/idp/idx/challenge/answer field=credentials.clientData*"Enter username"=joe field=credentials.passcode*"Enter code"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"credentials.clientData": "joe2", "credentials.passcode": "123456", "credentials.id": "mine"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"clientData":"joe2","id":"aut4","methodType":"otp","passcode":"123456"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.phone_number": {
		shows:   `code enrolling voice at=/idp/idx/challenge/answer field=passcode"Enter code" [resend]`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Choice: "resend"},
		posts:   `/idp/idx/challenge/resend {"stateHandle":"h"}`,
	},
	"enroll-authenticator.rsa_token": {
		shows:   `form enrolling hardware_otp other at=/idp/idx/challenge/answer field=credentials.clientData*"Enter username"=joe field=credentials.passcode*"Enter code"`,
		guarded: "denied enrollment final=true",
	},
	"enroll-authenticator.security_question": {
		shows:   `form enrolling security_question question at=/idp/idx/challenge/answer field=credentials:alternatives*(0=Choose a question field=credentials.0.questionKey:select*"Question"(0=Food?|1=Toy?) field=credentials.0.answer*+secret"Answer"|1=Write your own field=credentials.1.question*"Your question" field=credentials.1.answer*+secret"Answer")`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"credentials": "1", "credentials.0.answer": "not this", "credentials.1.question": "Which boat?", "credentials.1.answer": "the blue one"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"answer":"the blue one","question":"Which boat?","questionKey":"custom"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.symantec_vip": {
		shows:   `form enrolling hardware_otp other at=/idp/idx/challenge/answer field=credentials.credentialId*"Credential ID" field=credentials.passcode*"Code 1" field=credentials.nextPasscode*"Code 2"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"credentials.credentialId": "VSMT1", "credentials.passcode": "123456", "credentials.nextPasscode": "654321"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"credentialId":"VSMT1","nextPasscode":"654321","passcode":"123456"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.webauthn": {
		shows:   `webauthn enrolling webauthn create=true options={"challenge":"Y2hhbGxlbmdl","rp":{"id":"example.com","name":"Org"},"user":{"id":"MDB1MQ","name":"joe","displayName":"Joe"},"pubKeyCredParams":[{"type":"public-key","alg":-7}],"attestation":"direct"} at=/idp/idx/challenge/answer`,
		guarded: "denied unsupported final=true obstacle=webauthn",
		answer:  flows.Answer{Values: map[string]string{"clientData": "Yw", "attestation": "YXR0", "transports": `["usb"]`, "kept": "changed"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"attestation":"YXR0","clientData":"Yw","clientExtensions":"{}","kept":"as it came","transports":"[\"usb\"]"},"stateHandle":"h"}`,
	},
	"enroll-authenticator.yubikey_token": {
		shows:   `code enrolling hardware_otp at=/idp/idx/challenge/answer field=passcode"Press the key"`,
		guarded: "denied enrollment final=true",
	},
	"enroll-poll.custom_app": {
		shows:   "wait enrolling custom_push every=4s setup=qrcode,qr=true,secret=false,to=,link= at=/idp/idx/challenge/poll",
		guarded: "denied enrollment final=true",
	},
	"enroll-poll.devicebootstrap": {
		shows:   "wait enrolling push every=4s setup=devicebootstrap,qr=false,secret=false,to=,link= at=/idp/idx/challenge/poll",
		guarded: "denied enrollment final=true",
	},
	"enroll-poll.fips": {
		shows:   `wait enrolling push every=4s setup=qrcode,qr=true,secret=false,to=,link= at=/idp/idx/challenge/poll !oie.authenticator.app.non_fips_compliant_enrollment_app_update_required"Update the app."`,
		guarded: `denied enrollment final=true !oie.authenticator.app.non_fips_compliant_enrollment_app_update_required"Update the app."`,
	},
	"enroll-poll": {
		shows:   "wait enrolling push every=4s setup=qrcode,qr=true,secret=false,to=,link= at=/idp/idx/challenge/poll [channel-email] [channel-sms] [channel-samedevice] [skip]",
		guarded: "calls /idp/idx/skip",
		answer:  flows.Answer{Choice: "channel-email"},
		posts:   `/idp/idx/credential/enroll {"authenticator":{"channel":"email","id":"aut1"},"stateHandle":"h"}`,
	},
	"enroll-poll.nfc": {shows: "denied unsupported final=true obstacle=device"},
	"enroll-poll.samedevice": {
		shows:   "wait enrolling push every=4s setup=samedevice,qr=false,secret=false,to=,link=https://play.google.com/store/apps/details?id=com.okta.android.auth at=/idp/idx/challenge/poll",
		guarded: "denied enrollment final=true",
	},
	"enroll-poll.sms": {
		shows:   "wait enrolling push every=4s setup=sms,qr=false,secret=false,to=+15555550100,link= at=/idp/idx/challenge/poll [resend] [channel-qrcode] [channel-email]",
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Choice: "resend"},
		posts:   `/idp/idx/challenge/resend {"phoneNumber":"+15555550100","stateHandle":"h"}`,
	},
	"enroll-profile": {
		shows:   `form profile at=/idp/idx/enroll/new field=userProfile.firstName*"First name" field=userProfile.email:email*"Email" field=userProfile.country:select"Country"(0=France|1=Chad)`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"userProfile.firstName": "Joe", "userProfile.email": "j@example.com", "userProfile.country": "1", "userProfile.tier": "platinum"}},
		posts:   `/idp/idx/enroll/new {"stateHandle":"h","userProfile":{"country":"td","email":"j@example.com","firstName":"Joe","tier":"gold"}}`,
	},
	"enroll-something-new": {
		shows:   `form enrolling other at=/idp/idx/other field=serial*"Serial number"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"serial": "7", "stateHandle": "mine"}},
		posts:   `/idp/idx/other {"serial":"7","stateHandle":"h"}`,
	},
	"something-new": {
		shows:   `form enrolling other at=/idp/idx/credential/enroll field=serial*"Serial number"`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"serial": "7", "stateHandle": "mine"}},
		posts:   `/idp/idx/credential/enroll {"serial":"7","stateHandle":"h"}`,
	},
	"enroll-webauthn-residentkey": {shows: "denied unsupported final=true obstacle=webauthn"},
	"enrollment-channel-data.email": {
		shows:   `form enrolling push address at=/idp/idx/challenge/send field=email:email*"To" [channel-qrcode] [channel-sms]`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"email": "joe@example.com"}},
		posts:   `/idp/idx/challenge/send {"email":"joe@example.com","stateHandle":"h"}`,
	},
	"enrollment-channel-data.sms": {
		shows:   `form enrolling push address at=/idp/idx/challenge/send field=phoneNumber:tel*"To" !oie.phone.invalid"No such number." [channel-qrcode] [channel-email]`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Values: map[string]string{"phoneNumber": "+15555550100"}},
		posts:   `/idp/idx/challenge/send {"phoneNumber":"+15555550100","stateHandle":"h"}`,
	},
	"failure-redirect": {shows: "denied unsupported final=true"},
	"granular-consent": {
		shows:  `form consent at=/idp/idx/consent field=consent:select*"Consent"(0=Allow|1=Do not allow) field=optedScopes.email:boolean"View your email"=true field=optedScopes.phone:boolean"View your phone"`,
		answer: flows.Answer{Values: map[string]string{"consent": "0", "optedScopes.phone": "true", "optedScopes.openid": "false"}},
		posts:  `/idp/idx/consent {"consent":true,"optedScopes":{"email":false,"openid":true,"phone":true},"stateHandle":"h"}`,
	},
	"identify-recovery": {
		shows:   `form recover at=/idp/idx/identify field=identifier*"Username"`,
		guarded: "denied unsupported final=true obstacle=self_service",
		answer:  flows.Answer{Values: map[string]string{"identifier": " joe "}},
		posts:   `/idp/idx/identify {"identifier":"joe","stateHandle":"h"}`,
	},
	"identify":                      {shows: "identify field=password+secret !sidegate.credentials"},
	"keep-me-signed-in":             {shows: "calls /idp/idx/keep-me-signed-in"},
	"launch-authenticator":          {shows: "denied unsupported final=true obstacle=fastpass"},
	"launch-nfc-authenticator":      {shows: "denied unsupported final=true obstacle=device"},
	"launch-passkeys-authenticator": {shows: "denied unsupported final=true obstacle=webauthn"},
	"launch-webauthn-authenticator": {shows: "denied unsupported final=true obstacle=webauthn"},
	"piv-idp":                       {shows: "denied unsupported final=true obstacle=smart_card"},
	"poll":                          {shows: "wait every=2s degraded at=/idp/idx/poll"},
	"profile-update": {
		shows:   `form profile at=/idp/idx/enroll/new field=userProfile.firstName"First name"=Joe field=userProfile.secondEmail:email"Second email" [skip]`,
		guarded: "calls /idp/idx/skip",
		answer:  flows.Answer{Values: map[string]string{"userProfile.secondEmail": "k@example.com", "userProfile.tier": "platinum"}},
		posts:   `/idp/idx/enroll/new {"stateHandle":"h","userProfile":{"secondEmail":"k@example.com","tier":"gold"}}`,
	},
	"recover": {
		shows:   "identify at=/idp/idx/challenge/answer field=password+secret [recover] !sidegate.credentials",
		guarded: "identify at=/idp/idx/challenge/answer field=password+secret !sidegate.credentials",
		answer:  flows.Answer{Values: map[string]string{"password": " p \t"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"passcode":" p \t"},"stateHandle":"h"}`,
	},
	"redirect-idp":      {shows: "denied unsupported final=true obstacle=identity_provider"},
	"redirect-idp.x509": {shows: "denied unsupported final=true obstacle=smart_card"},
	"redirect-idverify": {shows: "denied unsupported final=true obstacle=identity_verification"},
	"reenroll-authenticator-warning": {
		shows:  `form password password_expiring at=/idp/idx/challenge/answer field=credentials.passcode*+secret"New password" field=confirm*+secret [skip] i:idx.password.expiring.message"When password expires you may be locked out." i:sidegate.password_requirements"The new password needs: at least 8 characters."`,
		answer: flows.Answer{Choice: "skip"},
		posts:  `/idp/idx/skip {"stateHandle":"h"}`,
	},
	"reenroll-authenticator": {
		shows:  `form password password_expired at=/idp/idx/challenge/answer field=credentials.passcode*+secret"New password" field=confirm*+secret i:sidegate.password_requirements"The new password needs: at least 8 characters."`,
		answer: flows.Answer{Values: map[string]string{"credentials.passcode": "Neu-1234", "confirm": "Neu-1234"}},
		posts:  `/idp/idx/challenge/answer {"credentials":{"passcode":"Neu-1234"},"stateHandle":"h"}`,
	},
	"reenroll-custom-password-expiry-warning": {
		shows:  `form other at=/idp/idx/skip i:idx.password.expiring.message"Your password expires in 3 days."`,
		answer: flows.Answer{Values: map[string]string{}},
		posts:  `/idp/idx/skip {"stateHandle":"h"}`,
	},
	"reenroll-custom-password-expiry": {shows: "denied unsupported final=true obstacle=password_elsewhere"},
	"request-activation-email": {
		shows:   `form other at=/idp/idx/request-activation !idx.expired.activation.token"This activation link has expired."`,
		guarded: `denied unsupported final=true obstacle=self_service !idx.expired.activation.token"This activation link has expired."`,
		answer:  flows.Answer{Values: map[string]string{}},
		posts:   `/idp/idx/request-activation {"stateHandle":"h"}`,
	},
	"resend": {
		shows:  `denied update_app final=false [resend] !oie.authenticator.app.method.push.verify.enable.biometrics"Switch on biometrics."`,
		answer: flows.Answer{Choice: "resend"},
		posts:  `/idp/idx/challenge {"authenticator":{"id":"aut1","methodType":"push"},"stateHandle":"h"}`,
	},
	"reset-authenticator": {
		shows:   `form password reset_password at=/idp/idx/challenge/answer field=credentials.passcode*+secret"New password" field=confirm*+secret field=credentials.revokeSessions:boolean"Sign me out elsewhere" i:sidegate.password_requirements"The new password needs: at least 8 characters."`,
		guarded: "denied unsupported final=true obstacle=self_service",
		answer:  flows.Answer{Values: map[string]string{"credentials.passcode": "Neu-1234", "confirm": "Neu-1234", "credentials.revokeSessions": "true"}},
		posts:   `/idp/idx/challenge/answer {"credentials":{"passcode":"Neu-1234","revokeSessions":true},"stateHandle":"h"}`,
	},
	"select-authenticator-authenticate": {
		shows:   `choose [push:push "Push" (Pixel 7)] [totp:totp "Code" (Pixel 7)] [sms:sms "SMS" (+1 XXX-XXX-0100)] [voice:voice "Voice call" (+1 XXX-XXX-0100)] [sms-2:sms "SMS" (+1 XXX-XXX-0200)] [voice-2:voice "Voice call" (+1 XXX-XXX-0200)] [webauthn:webauthn "Passkey"] [hardware_otp "RSA"]`,
		guarded: `choose [push:push "Push" (Pixel 7)] [totp:totp "Code" (Pixel 7)] [sms:sms "SMS" (+1 XXX-XXX-0100)] [voice:voice "Voice call" (+1 XXX-XXX-0100)] [sms-2:sms "SMS" (+1 XXX-XXX-0200)] [voice-2:voice "Voice call" (+1 XXX-XXX-0200)] [hardware_otp "RSA"]`,
		answer:  flows.Answer{Choice: "voice-2"},
		posts:   `/idp/idx/challenge {"authenticator":{"enrollmentId":"sms2","id":"aut2","methodType":"voice"},"stateHandle":"h"}`,
	},
	"select-authenticator-enroll-data": {
		shows:   "form enrolling sms phone at=/idp/idx/credential/enroll",
		guarded: "denied enrollment final=true",
	},
	"select-authenticator-enroll": {
		shows:   `choose enrolling [enroll-push:qrcode "Okta Verify"] [enroll-sms "Phone"] [enroll-webauthn "Passkey"] [enroll-webauthn-2 "Passkey of the company"]`,
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Choice: "enroll-push"},
		posts:   `/idp/idx/credential/enroll {"authenticator":{"channel":"qrcode","id":"aut1"},"stateHandle":"h"}`,
	},
	"select-authenticator-enroll.side": {
		shows:   `choose enrolling [enroll-push:qrcode "Okta Verify"]`,
		guarded: "denied enrollment final=false [other]",
	},
	"select-authenticator-unlock-account": {
		shows:   `form unlock at=/idp/idx/challenge field=authenticator:alternatives*(0=Email|1=Okta Verify field=authenticator.1.methodType:select"How"(1=Push)) field=identifier*"Username"`,
		guarded: "denied unsupported final=true obstacle=self_service",
		answer:  flows.Answer{Values: map[string]string{"identifier": "joe", "authenticator": "1", "authenticator.1.methodType": "1"}},
		posts:   `/idp/idx/challenge {"authenticator":{"id":"aut2","methodType":"push"},"identifier":"joe","stateHandle":"h"}`,
	},
	"select-enroll-profile": {shows: "denied unsupported final=true obstacle=self_service"},
	"select-enrollment-channel": {
		shows:   "choose enrolling [channel-email] [channel-sms]",
		guarded: "denied enrollment final=true",
		answer:  flows.Answer{Choice: "channel-sms"},
		posts:   `/idp/idx/credential/enroll {"authenticator":{"channel":"sms","id":"aut1"},"stateHandle":"h"}`,
	},
	"select-identify": {
		shows:   `form profile at=/idp/idx/enroll/new field=userProfile.email:email*"Email"`,
		guarded: "denied enrollment final=true",
	},
	"skip.first": {
		shows:   `choose enrolling [enroll-google_otp "Google Authenticator" (can wait until 30 November 2026)] [skip]`,
		guarded: "calls /idp/idx/skip",
		answer:  flows.Answer{Choice: "skip"},
		posts:   `/idp/idx/skip {"stateHandle":"h"}`,
	},
	"skip":               {shows: "calls /idp/idx/skip"},
	"skip.safe-mode":     {shows: `form other at=/idp/idx/skip i:idx.error.server.safe.mode.enrollment.unavailable"Set up is unavailable."`},
	"success-redirect":   {shows: "error misconfigured"},
	"unlock-account":     {shows: "identify field=password+secret !sidegate.credentials"},
	"unlock-account.who": {shows: "denied unsupported final=true obstacle=self_service"},
	"user-code": {
		shows:  `form other at=/idp/idx/device/activate field=userCode*"Activation code"`,
		answer: flows.Answer{Values: map[string]string{"userCode": "ABCD"}},
		posts:  `/idp/idx/device/activate {"stateHandle":"h","userCode":"ABCD"}`,
	},
}
