// Package all lists the stores that Rotor is built with: one entry each.
package all

import (
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/dotenv"
	"github.com/agenticverz/rotor/store/file"
	"github.com/agenticverz/rotor/store/github"
	"github.com/agenticverz/rotor/store/userlist"
	"github.com/agenticverz/rotor/store/vaultkv"
)

// Registry knows every store.
func Registry() store.Registry {
	return store.NewRegistry(dotenvType(), fileType(), github.Type(), userlistType(), vaultkvType())
}

func dotenvType() store.Type {
	return store.Type{
		Name:       "dotenv",
		Summary:    "Variables of a .env file, as docker compose reads it",
		Evidence:   store.EvidenceFile,
		NewOptions: func() any { return new(dotenv.Options) },
		Paths:      func(o any) []*string { return []*string{&o.(*dotenv.Options).Path} },
		New: func(o any, _ store.Context) (store.Store, error) {
			return dotenv.New(*o.(*dotenv.Options))
		},
	}
}

func fileType() store.Type {
	return store.Type{
		Name:       "file",
		Summary:    "Files that hold one value each",
		Evidence:   store.EvidenceFile,
		NewOptions: func() any { return new(file.Options) },
		Paths:      func(o any) []*string { return []*string{&o.(*file.Options).Path} },
		NoKey:      true,
		New: func(o any, _ store.Context) (store.Store, error) {
			return file.New(*o.(*file.Options))
		},
	}
}

func userlistType() store.Type {
	return store.Type{
		Name:       "userlist",
		Summary:    "Users of PgBouncer: its auth_file",
		Doc:        userlist.Doc,
		Evidence:   store.EvidenceServer,
		NewOptions: func() any { return new(userlist.Options) },
		Paths:      func(o any) []*string { return []*string{&o.(*userlist.Options).Path} },
		New: func(o any, _ store.Context) (store.Store, error) {
			return userlist.New(*o.(*userlist.Options))
		},
	}
}

func vaultkvType() store.Type {
	return store.Type{
		Name:       "vaultkv",
		Summary:    "KV version 2 of Vault or OpenBao",
		Evidence:   store.EvidenceServer,
		NewOptions: func() any { return new(vaultkv.Options) },
		Refs:       func(o any) map[string]string { return map[string]string{"token": o.(*vaultkv.Options).Token} },
		Paths: func(o any) []*string {
			v := o.(*vaultkv.Options)
			return []*string{&v.CACert, &v.CAPath, &v.ClientCert, &v.ClientKey}
		},
		NeedsPath: true,
		New: func(o any, c store.Context) (store.Store, error) {
			v := *o.(*vaultkv.Options)
			var token secret.Source
			if v.Token != "" {
				var err error
				if token, err = c.Bind.Source(v.Token); err != nil {
					return nil, err
				}
			}
			return vaultkv.New(v, token)
		},
	}
}
