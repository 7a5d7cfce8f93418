package oktasim

import (
	"encoding/base64"

	"github.com/pquerna/otp/totp"
	"rsc.io/qr"
)

// qrImage is a QR code as Okta puts it into a document. Its pixels are large enough for a phone to read them off a screen.
func qrImage(content string) map[string]string {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		panic(err) // the texts are short
	}
	code.Scale = 5
	return map[string]string{
		"method": "embedded", "type": "image/png",
		"href": "data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG()),
	}
}

// googleData is contextualData where Google Authenticator is set up with a key.
func googleData(login string, key []byte) map[string]any {
	k, err := totp.Generate(totp.GenerateOpts{Issuer: orgName, AccountName: login, Secret: key})
	if err != nil {
		panic(err) // issuer and login are there
	}
	return map[string]any{"sharedSecret": k.Secret(), "qrcode": qrImage(k.URL())}
}
