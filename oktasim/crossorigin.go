package oktasim

import (
	"net/http"
	"slices"

	"github.com/rs/cors"
)

// crossOrigin lets scripts of trusted origins call Okta's URLs, with the cookies that Okta's SDK sends along ("Enable
// CORS" of Okta's guides). It answers preflights, which therefore are not recorded.
func (o *Org) crossOrigin(next http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc:  func(origin string) bool { return slices.Contains(o.cfg.Load().TrustedOrigins, origin) },
		AllowedMethods:   []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:   []string{"*"},
		AllowCredentials: true,
	}).Handler(next)
}
