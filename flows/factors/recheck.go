package factors

import (
	"context"

	"sidegate.example/sidegate/flows"
)

var _ flows.Rechecker = (*Engine)(nil)

// Recheck implements flows.Rechecker: the person is looked up by id and, where the sign-in reads groups, they are read again.
func (e *Engine) Recheck(ctx context.Context, cc flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	active, err := e.Active(ctx, cc, s.Subject)
	if err != nil {
		return flows.Standing{}, err
	}
	s.Active, s.Groups = active, nil
	if active && e.cfg.Groups {
		a := attempt{engine: e, cc: cc}
		a.state.User = s.Subject
		if s.Groups, err = a.groups(ctx); err != nil {
			return flows.Standing{}, err
		}
	}
	return s, nil
}
