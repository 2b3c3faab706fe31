package cloudflare

import "github.com/agenticverz/rotor/doubles"

// Door is an account for trying: a bucket, and a token for it.
func Door() (doubles.Door, error) {
	d := New(Options{})
	d.Bucket("app-files", "")
	k := d.Token("account", "by-hand", "app-files", true)
	return doubles.Door{Name: "cloudflare", API: d, Words: []string{
		"export CLOUDFLARE_API_TOKEN=" + d.Manage,
		"provider: {type: r2, api-token: env:CLOUDFLARE_API_TOKEN, account-id: " + d.Account + ", buckets: [app-files], base-url: {base}/client/v4, s3-endpoint: {base}/s3}",
		"present key: " + k.ID + " " + SecretOf(k.Value),
	}}, nil
}
