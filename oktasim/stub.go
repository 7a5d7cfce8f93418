package oktasim

import "net/http"

func (o *Org) phoneRoutes() http.Handler { return http.NotFoundHandler() }
func (o *Org) simRoutes() http.Handler   { return http.NotFoundHandler() }
