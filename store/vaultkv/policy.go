package vaultkv

import (
	"fmt"
	"strings"
)

// Policy is the least that a token needs to rotate secrets at paths below mount,
// next to the policy "default" that every token has. "create" is for paths that
// do not exist yet and can be taken out afterwards; "patch" on metadata is for the
// mark, which is left out without it. There is no "update" on data: with it a
// token could replace whole paths. It is needed only where the newest version of
// a path was deleted.
func Policy(mount string, paths ...string) string {
	var b strings.Builder
	for _, path := range paths {
		_, _ = fmt.Fprintf(&b, `path %q { capabilities = ["create", "read", "patch"] }
path %q { capabilities = ["read", "patch"] }
path %q { capabilities = ["update"] }
`, mount+"/data/"+path, mount+"/metadata/"+path, mount+"/destroy/"+path)
	}
	return b.String()
}
