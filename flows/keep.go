package flows

import "context"

type keeperKey struct{}

// WithKeeper has an engine that is called with the returned context hand out its progress in the middle of the call, to a
// caller whose process may die before the call returns. keep is called from within the call, at most a few times.
func WithKeeper(ctx context.Context, keep func(context.Context, State, Step)) context.Context {
	return context.WithValue(ctx, keeperKey{}, keep)
}

// Keep hands s and its Step to the keeper of ctx, if there is one. An engine does that with what Okta gives only once, before
// anything else that takes time: from there any process can go on by Poll.
func Keep(ctx context.Context, s State, step Step) {
	if keep, ok := ctx.Value(keeperKey{}).(func(context.Context, State, Step)); ok {
		keep(ctx, s, step)
	}
}
