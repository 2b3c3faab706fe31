package aws

import "github.com/agenticverz/rotor/doubles"

// Door is an account for trying: a user app with one key.
func Door() (doubles.Door, error) {
	d := New(Options{})
	d.User("app", "/")
	k := d.Key("app")
	return doubles.Door{Name: "aws", API: d,
		Env: []doubles.Variable{{Name: "AWS_ADMIN_ID", Value: d.AdminID}, {Name: "AWS_ADMIN_KEY", Value: d.AdminText}},
		Tries: []doubles.Try{{Name: "aws",
			Provider: "{type: awsiam, admin-access-key-id: env:AWS_ADMIN_ID, admin-secret-access-key: env:AWS_ADMIN_KEY, user: app, base-url: {base}, sts-url: {base}}",
			Present:  []doubles.Variable{{Name: "AWS_ACCESS_KEY_ID", Field: "access_key_id", Value: k.ID}, {Name: "AWS_SECRET_ACCESS_KEY", Field: "secret_access_key", Value: k.Value}}}}}, nil
}
