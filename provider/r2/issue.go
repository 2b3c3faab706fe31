package r2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// Permission groups, by the names that the vendor documents; their ids are looked up.
const (
	itemWrite = "Workers R2 Storage Bucket Item Write"
	itemRead  = "Workers R2 Storage Bucket Item Read"
	anyWrite  = "Workers R2 Storage Write" // of a key made by hand, over all buckets
)

func (p *Provider) groupName() string {
	if p.opts.Permission == canRead {
		return itemRead
	}
	return itemWrite
}

// group looks up the permission group's id.
func (p *Provider) group(ctx context.Context, step string) (string, error) {
	var got []group
	want := p.groupName()
	_, err := p.do(ctx, apiclient.Call{Step: step, Path: p.path("permission_groups"), Query: url.Values{"name": {want}}}, &got)
	if err != nil {
		return "", err
	}
	for _, g := range got {
		if g.Name == want && g.ID != "" {
			return g.ID, nil
		}
	}
	return "", fault.New(fault.BadConfig, "r2: %s: the vendor has no permission group %q", step, want).
		WithHint("is R2 switched on in this account, and may api-token see its permission groups?")
}

// resources names the buckets as policies do.
func (p *Provider) resources() map[string]any {
	if p.opts.AllBuckets {
		return map[string]any{"com.cloudflare.api.account." + p.opts.AccountID: map[string]string{"com.cloudflare.edge.r2.bucket.*": "*"}}
	}
	jurisdiction := p.opts.Jurisdiction
	if jurisdiction == "" {
		jurisdiction = "default"
	}
	out := map[string]any{}
	for _, b := range p.opts.Buckets {
		out["com.cloudflare.edge.r2.bucket."+p.opts.AccountID+"_"+jurisdiction+"_"+b] = "*"
	}
	return out
}

// wish is the body of the call that makes a token.
type wish struct {
	Name     string   `json:"name"`
	Policies []policy `json:"policies"`
	Expires  string   `json:"expires_on,omitempty"`
}

// Issue makes a token that bears the label, and derives the key from it.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	id, err := p.group(ctx, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	in := wish{Name: req.Label, Policies: []policy{{Effect: "allow", Resources: p.resources(), Groups: []group{{ID: id}}}}}
	if p.opts.ExpiresDays > 0 {
		in.Expires = time.Now().UTC().AddDate(0, 0, p.opts.ExpiresDays).Format("2006-01-02T15:04:05Z")
	}
	var t token
	if _, err := p.do(ctx, apiclient.Call{Step: "issue", Method: http.MethodPost, Path: p.path(), In: in}, &t); err != nil {
		return provider.Issued{}, err
	}
	if t.ID == "" || t.Value.IsZero() {
		return provider.Issued{}, fault.New(fault.Unknown, "r2: issue: the answer has no token")
	}
	values := secret.Set{idField: secret.Public(t.ID), keyField: derived(t.Value.Value)}
	if p.opts.Token {
		values[tokenField] = t.Value.Value
	}
	v := provider.Issued{Handle: p.handle(t.ID), Values: values, NotAfter: t.Expires.Time, Created: t.Issued.Time}
	if v.NotAfter.IsZero() && in.Expires != "" { // not every answer need say it
		v.NotAfter, _ = time.Parse(time.RFC3339, in.Expires)
	}
	return v, nil
}

// derived is the S3 secret that belongs to a token: of all its text, prefix included.
func derived(value secret.Value) secret.Value {
	sum := sha256.Sum256([]byte(value.Reveal()))
	return secret.New(hex.EncodeToString(sum[:]))
}

// Preflight: api-token may see tokens here, and the permission group is there.
func (p *Provider) Preflight(ctx context.Context, _ provider.Request) error {
	if _, err := p.do(ctx, apiclient.Call{Step: "preflight", Path: p.path(), Query: url.Values{"per_page": {"5"}}}, new([]token)); err != nil {
		return err
	}
	_, err := p.group(ctx, "preflight")
	return err
}
