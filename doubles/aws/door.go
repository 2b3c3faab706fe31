package aws

import "github.com/agenticverz/rotor/doubles"

// Door is an account for trying: a user app with one key.
func Door() (doubles.Door, error) {
	d := New(Options{})
	d.User("app", "/")
	k := d.Key("app")
	return doubles.Door{Name: "aws", API: d, Words: []string{
		"export AWS_ADMIN_ID=" + d.AdminID + " AWS_ADMIN_KEY=" + d.AdminText,
		"provider: {type: awsiam, admin-access-key-id: env:AWS_ADMIN_ID, admin-secret-access-key: env:AWS_ADMIN_KEY, user: app, base-url: {base}, sts-url: {base}}",
		"present key: " + k.ID + " " + k.Value,
	}}, nil
}
