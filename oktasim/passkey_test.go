package oktasim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Bits of the authenticator data's flags (WebAuthn §6.1).
const (
	userPresent  = 1 << 0
	userVerified = 1 << 2
	attestedData = 1 << 6
)

// softKey is an authenticator in software, with one credential. A test bends what it says.
type softKey struct {
	t       testing.TB
	private *ecdsa.PrivateKey
	id      []byte
	count   uint32
	origin  string
	rpID    string
	flags   byte
	encode  *base64.Encoding
}

func newSoftKey(t testing.TB) *softKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &softKey{t: t, private: private, id: []byte(rand.Text()), origin: "https://app.example", rpID: "app.example",
		flags: userPresent, encode: base64.RawURLEncoding}
}

func (k *softKey) clientData(kind, challenge string) []byte {
	raw, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false})
	if err != nil {
		k.t.Fatal(err)
	}
	return raw
}

func (k *softKey) authenticatorData(flags byte) []byte {
	k.count++
	rp := sha256.Sum256([]byte(k.rpID))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), k.count)
}

func (k *softKey) cbor(v any) []byte {
	raw, err := webauthncbor.Marshal(v)
	if err != nil {
		k.t.Fatal(err)
	}
	return raw
}

// create answers navigator.credentials.create, as Okta's wire has it.
func (k *softKey) create(challenge string) map[string]any {
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		k.t.Fatal(err)
	}
	public := k.cbor(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	})
	data := k.authenticatorData(k.flags | attestedData)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.id)))
	data = slices.Concat(data, k.id, public)
	object := k.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return map[string]any{
		"clientData":  k.encode.EncodeToString(k.clientData("webauthn.create", challenge)),
		"attestation": k.encode.EncodeToString(object), "transports": `["internal"]`, "clientExtensions": "{}",
	}
}

// get answers navigator.credentials.get.
func (k *softKey) get(challenge string) map[string]any {
	client, data := k.clientData("webauthn.get", challenge), k.authenticatorData(k.flags)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(data, sum[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return map[string]any{
		"clientData": k.encode.EncodeToString(client), "authenticatorData": k.encode.EncodeToString(data),
		"signatureData": k.encode.EncodeToString(signature),
	}
}
