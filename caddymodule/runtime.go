package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
)

// runtimes holds the one runtime of this process for as long as any configuration uses it.
var runtimes = caddy.NewUsagePool()

// runtimeKey never depends on a setting: an edited setting must not part people from their sign-in.
const runtimeKey = "okta_mfa"

// runtime is what survives every reload: sign-ins in progress and revocations.
type runtime struct{ *gateway.State }

// joinRuntime counts one more user.
func joinRuntime() (runtime, error) {
	v, _, err := runtimes.LoadOrNew(runtimeKey, func() (caddy.Destructor, error) {
		return runtime{gateway.NewState()}, nil
	})
	if err != nil {
		return runtime{}, fmt.Errorf("okta_mfa: making the state: %w", err)
	}
	return v.(runtime), nil
}

// leave counts one user less; only who joined may leave (caddy-notes T11).
func (runtime) leave() error {
	if _, err := runtimes.Delete(runtimeKey); err != nil {
		return fmt.Errorf("okta_mfa: releasing the state: %w", err)
	}
	return nil
}

// Destruct stops the polling when the last user has left. Requests that still run may call the State
// afterwards.
func (rt runtime) Destruct() error {
	rt.Close()
	return nil
}

var _ caddy.Destructor = runtime{}
