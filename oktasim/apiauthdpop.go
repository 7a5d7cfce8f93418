package oktasim

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// DPoP (RFC 9449) as factors-api.md §1.4 describes Okta's.

// maxProofAge is how old a proof may be.
const maxProofAge = 5 * time.Minute

// nonceLife is how long a nonce is announced; the one before it still counts.
const nonceLife = 24 * time.Hour

// proof is a DPoP proof that is in order but for what the caller compares.
type proof struct {
	Nonce  string           `json:"nonce"`
	Method string           `json:"htm"`
	URL    string           `json:"htu"`
	Hash   string           `json:"ath"`
	Issued *jwt.NumericDate `json:"iat"`
	ID     string           `json:"jti"`

	thumbprint string
}

// openProof reads the one DPoP header; problem is "" when method, URL and age are right and jti is new.
func (o *Org) openProof(x *exchange, endpointURL string) (p *proof, problem string) {
	values := x.r.Header.Values("DPoP")
	if len(values) != 1 {
		return nil, "The DPoP proof JWT header is missing, or there is more than one."
	}
	tok, err := jwt.ParseSigned(values[0], assertionAlgorithms)
	if err != nil {
		return nil, "The DPoP proof JWT is malformed or its algorithm is not allowed."
	}
	h := tok.Headers[0]
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); typ != "dpop+jwt" {
		return nil, "The DPoP proof JWT must have typ 'dpop+jwt'."
	}
	if h.JSONWebKey == nil || !h.JSONWebKey.Valid() || !h.JSONWebKey.IsPublic() || !slices.Contains(algorithmsOf(h.JSONWebKey.Key), h.Algorithm) {
		return nil, "The DPoP proof JWT must have a public key in its header."
	}
	p = new(proof)
	if err := tok.Claims(h.JSONWebKey.Key, p); err != nil {
		return nil, "The DPoP proof JWT signature is invalid."
	}
	sum, err := h.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "The DPoP proof JWT has a key without a thumbprint."
	}
	p.thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	return p, o.judgeProof(x, p, endpointURL)
}

func (o *Org) judgeProof(x *exchange, p *proof, endpointURL string) string {
	switch {
	case p.Method != x.r.Method:
		return "The 'htm' claim is not the HTTP method."
	case p.URL != endpointURL:
		return "The 'htu' claim is not the URL, without query."
	case p.Issued == nil || p.Issued.Time().After(x.now) || x.now.Sub(p.Issued.Time()) > maxProofAge:
		return "The 'iat' claim is in the future or too old."
	case p.ID == "":
		return "The 'jti' claim is missing."
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.api.usedProofs.add(p.thumbprint+"\x00"+p.ID, x.now, 2*maxProofAge) {
		return "The 'jti' claim was used before."
	}
	return ""
}

// provePossession checks the proof of a token request and returns the thumbprint of its key.
func (o *Org) provePossession(x *exchange, endpointURL string) (string, *oauthError) {
	p, problem := o.openProof(x, endpointURL)
	if problem != "" {
		return "", &oauthError{http.StatusBadRequest, "invalid_dpop_proof", problem}
	}
	current, before := o.nonces(x.now)
	if p.Nonce == "" || p.Nonce != current && p.Nonce != before {
		x.header.Set("DPoP-Nonce", current)
		return "", &oauthError{http.StatusBadRequest, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof."}
	}
	return p.thumbprint, nil
}

// nonces are the one announced now and the one before it.
func (o *Org) nonces(now time.Time) (current, before string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &o.api
	if s.nonce == "" || now.Sub(s.nonceMade) >= nonceLife {
		s.oldNonce, s.nonce, s.nonceMade = s.nonce, secretID(""), now
	}
	return s.nonce, s.oldNonce
}

// checkProof checks the proof of a call to the API: it belongs to the token by key and by hash.
func (o *Org) checkProof(x *exchange, scheme, raw, bound string) *apiReply {
	if scheme != "DPoP" {
		return x.dpopError("dpop_authentication_scheme_required", "The access token is bound to a DPoP key and needs the DPoP scheme.")
	}
	if len(x.r.Header.Values("DPoP")) == 0 {
		return x.dpopError("dpop_proof_required_for_token", "The access token needs a DPoP proof JWT.")
	}
	p, problem := o.openProof(x, x.cfg.URL+x.r.URL.EscapedPath())
	sum := sha256.Sum256([]byte(raw))
	switch {
	case problem != "":
	case p.thumbprint != bound:
		problem = "The DPoP proof JWT is by another key than the access token is bound to."
	case p.Hash != base64.RawURLEncoding.EncodeToString(sum[:]):
		problem = "The 'ath' claim is not the hash of the access token."
	default:
		return nil
	}
	return x.dpopError("invalid_dpop_proof", problem)
}

func (x *exchange) dpopError(code, description string) *apiReply {
	x.header.Set("WWW-Authenticate", `DPoP error="`+code+`", error_description="`+description+`"`)
	return &apiReply{http.StatusBadRequest, &oauthError{http.StatusBadRequest, code, description}}
}
