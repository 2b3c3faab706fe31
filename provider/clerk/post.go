package clerk

import (
	"context"
	"maps"
	"net/url"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// posted adds a client's login to a form, for applications that want it there.
func posted(ctx context.Context, form url.Values, client string, value secret.Value) (url.Values, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Transient, "clerk", err)
	}
	out := maps.Clone(form)
	out.Set("client_id", client)
	out.Set("client_secret", value.Reveal())
	return out, nil
}
