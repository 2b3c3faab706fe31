package cloudflare

import "github.com/agenticverz/rotor/doubles"

// Door is an account for trying: a bucket, and a token for it.
func Door() (doubles.Door, error) {
	d := New(Options{})
	d.Bucket("app-files", "")
	k := d.Token("account", "by-hand", "app-files", true)
	return doubles.Door{Name: "cloudflare", API: d, Env: []doubles.Variable{{Name: "CLOUDFLARE_API_TOKEN", Value: d.Manage}},
		Tries: []doubles.Try{{Name: "r2",
			Provider: "{type: r2, api-token: env:CLOUDFLARE_API_TOKEN, account-id: " + d.Account + ", buckets: [app-files], base-url: {base}/client/v4, s3-endpoint: {base}/s3}",
			Present:  []doubles.Variable{{Name: "R2_ACCESS_KEY_ID", Field: "access_key_id", Value: k.ID}, {Name: "R2_SECRET_ACCESS_KEY", Field: "secret_access_key", Value: SecretOf(k.Value)}}}}}, nil
}
