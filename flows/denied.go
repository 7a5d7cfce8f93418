package flows

// DeniedReason is the closed set of reasons why an attempt ended. It is a metric label.
type DeniedReason string

// The reasons of KindDenied.
const (
	// DeniedOnPhone: the person, or whoever holds the phone, pressed "No, it's not me".
	DeniedOnPhone DeniedReason = "denied_on_phone"
	// DeniedTimeout: nobody answered the push in time.
	DeniedTimeout DeniedReason = "timeout"
	// DeniedExpired: Okta's transaction is over; start again.
	DeniedExpired DeniedReason = "expired"
	// DeniedLocked: the account or the factor is locked or suspended at Okta.
	DeniedLocked DeniedReason = "locked"
	// DeniedPolicy: Okta's policy refuses this person, app, device or network.
	DeniedPolicy DeniedReason = "policy"
	// DeniedNoFactor: Okta let the person through without a second factor, so the gate does not.
	DeniedNoFactor DeniedReason = "no_factor"
	// DeniedUnsupported: Okta asks for something this gateway cannot do; Denied.Obstacle says what, and
	// Step.Messages may say more.
	DeniedUnsupported DeniedReason = "unsupported"
	// DeniedEnrollment: a factor has to be set up first, and this sign-in has not proved enough for that (immunity
	// S76), or the operator does not allow it here.
	DeniedEnrollment DeniedReason = "enrollment"
	// DeniedRestored: the password was recovered or the account unlocked, which is no sign-in; start one.
	DeniedRestored DeniedReason = "restored"
	// DeniedElsewhere: the sign-in goes on, or was ended, in another window or on another device.
	DeniedElsewhere DeniedReason = "elsewhere"
	// DeniedUnavailable: Okta could not be reached when the sign-in was as good as done; start again.
	DeniedUnavailable DeniedReason = "unavailable"
	// DeniedTooMany: too many wrong codes, so that the gate stops before Okta locks the account; wait.
	DeniedTooMany DeniedReason = "too_many"
	// DeniedStepUp: what the person has, or has proved, is not of the factors that were asked for, or another person proved it.
	DeniedStepUp DeniedReason = "step_up"
	// DeniedUpdateApp: the phone's Okta Verify is too old or needs biometrics switched on.
	DeniedUpdateApp DeniedReason = "update_app"
)

// Denied tells why an attempt ended.
type Denied struct {
	Reason DeniedReason
	// Final is true when Okta's transaction is over: the only way on is to start again. When
	// false the Step's Choices lead on.
	Final bool
	// Obstacle is what DeniedUnsupported met; "" when no name fits.
	Obstacle Obstacle
	// Link is where the person can do something about it: an https URL on the org's origin; may be empty.
	Link string
}

// Obstacle is the closed set of what Okta may ask for that only a browser or a device of the person could do, so
// that the page can say what to do instead.
type Obstacle string

// The obstacles of DeniedUnsupported.
const (
	// ObstacleFastPass: the account has, or the policy wants, Okta FastPass alone.
	ObstacleFastPass Obstacle = "fastpass"
	// ObstacleDevice: the policy wants a managed or probed device.
	ObstacleDevice Obstacle = "device"
	// ObstacleIdentityProvider: the person signs in at another identity provider.
	ObstacleIdentityProvider Obstacle = "identity_provider"
	// ObstacleSmartCard: a smart card (PIV, X.509).
	ObstacleSmartCard Obstacle = "smart_card"
	// ObstaclePasswordElsewhere: the password is changed on another site.
	ObstaclePasswordElsewhere Obstacle = "password_elsewhere"
	// ObstacleCaptcha: a captcha.
	ObstacleCaptcha Obstacle = "captcha"
	// ObstacleDuo: Duo's own frame.
	ObstacleDuo Obstacle = "duo"
	// ObstacleIdentityVerification: a check of identity papers by another company.
	ObstacleIdentityVerification Obstacle = "identity_verification"
	// ObstacleWebAuthn: a passkey or security key, which the operator has not switched on here.
	ObstacleWebAuthn Obstacle = "webauthn"
	// ObstacleSelfService: recovery, unlocking, activation or registration, which the operator has not switched on here.
	ObstacleSelfService Obstacle = "self_service"
)
