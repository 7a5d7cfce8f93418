package oktasim

// DefaultPassword is the password of all DefaultUsers.
const DefaultPassword = "Correct horse 1"

// DefaultUsers are people for a demo and for tests, one for each way that a sign-in can go.
func DefaultUsers() []User {
	user := func(login, name, device string, methods ...string) User {
		return User{
			Login: login + "@sidegate.example", Email: login + "@sidegate.example", Name: name, Password: DefaultPassword,
			Groups: []string{"Everyone", "Staff"}, Device: device, Methods: methods,
		}
	}
	number := user("number", "Nadia Number", "iPhone 16", methodPush, methodTOTP)
	number.NumberChallenge = true
	locked := user("locked", "Lars Locked", "Pixel 7", methodPush)
	locked.Locked = true
	return []User{
		user("push", "Paula Push", "Pixel 7", methodPush, methodTOTP),
		number,
		user("totp", "Timo Totp", "Galaxy S24", methodTOTP),
		user("fastpass", "Fay Fastpass", "MacBook Air", methodFastPass, methodPush, methodTOTP),
		user("nophone", "Nils Nophone", ""),
		locked,
	}
}
