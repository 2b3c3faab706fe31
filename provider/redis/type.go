package redis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

const name = "redis"

// Type is its entry in provider/all.
func Type() provider.Type {
	return provider.Type{
		Name:       name,
		Summary:    "Redis and Valkey: two passwords of one user, two users taking turns, or requirepass",
		Doc:        doc(),
		Evidence:   provider.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs:       func(opts any) map[string]string { return map[string]string{"admin": opts.(*Options).Admin} },
		Destination: func(opts any) string {
			if o := opts.(*Options); len(o.Addresses) > 0 {
				return strings.Join(o.Addresses, ", ")
			}
			return "the Redis server that admin names"
		},
		Accounts: func(opts any) []string {
			o := opts.(*Options)
			if o.Strategy == rotation.InPlace {
				return provider.AccountsAt(o.Admin, "requirepass")
			}
			return provider.AccountsAt(o.Admin, append(slices.Clone(o.Users), o.User)...)
		},
		New: func(opts any, c provider.Context) (provider.Provider, error) {
			o := *opts.(*Options)
			if o.Admin == "" {
				return nil, bad("admin is missing").WithHint("refer to the admin's URL, for example admin: env:ROTOR_REDIS_ADMIN")
			}
			if _, err := o.validated(); err != nil {
				return nil, err
			}
			admin, err := c.Bind.Source(o.Admin)
			if err != nil {
				return nil, err
			}
			return New(o, admin)
		},
	}
}

// Rights are the rules of ACL SETUSER with which the admin can do what o needs and no
// more (Redis 7; Redis 6 knows them too). Who may change users can give himself every
// right, so this guards against mistakes, not against a thief.
func Rights(o Options) []string {
	out := []string{"resetkeys", "resetchannels", "-@all", "+config|get", "+info", "+time"}
	if o.Strategy == rotation.InPlace {
		return append(out, "+config|set", "+config|rewrite", "+acl|save")
	}
	return append(out, "+acl|getuser", "+acl|setuser", "+acl|list", "+acl|save", "+acl|log", "+config|rewrite",
		"+client|list", "+client|kill", "+cluster|nodes")
}

func doc() string {
	return fmt.Sprintf(docText, strings.Join(Rights(Options{}), " "), strings.Join(Rights(Options{Strategy: rotation.InPlace}), " "))
}

const docText = `Passwords are made by Rotor and reach the server as SHA-256 hashes: the plain text is in no
command, no aclfile, no MONITOR and no SLOWLOG. (Not so with *in-place*, see there.)

    cache:
      provider:
        type: redis
        admin: env:ROTOR_REDIS_ADMIN      # rediss://rotor:PASSWORD@redis.internal:6379
        user: app
        ca-cert: /etc/ssl/redis-ca.pem
      targets:
        - {store: vault, path: app-prod, key: REDIS_URL,
           value: "rediss://{{.username | userinfo}}:{{.password | userinfo}}@redis.internal:6379/0"}

**Rights.** A user who may do everything works. Better is one of its own (then ACL SAVE):

    ACL SETUSER rotor on >PASSWORD %s

For *in-place* it needs ` + "`%s`" + `. The admin may be the very user that is
rotated if ` + "`admin`" + ` refers to the target that Rotor writes; Rotor does not revoke the password
that it came with.

**Strategy.** *overlap* (default): the user has two passwords for a time; both work at once, for
all clients. *alternate*: two users take turns; the one that comes next gets the rules of the one
in use, copied. The old one is switched off and its sessions end, all of them and nobody else's.
Each change is saved (ACL SAVE, or CONFIG REWRITE where there is no aclfile) and read back.

*in-place* is for servers that have nothing but ` + "`requirepass`" + `: CONFIG SET replaces the password of
the user default at once, so new connections with the old one fail until the consumer presents
the new one. It sends the plain text (use TLS), and without an aclfile CONFIG REWRITE writes it
into redis.conf: keep that file 0600.

**Old sessions.** Redis keeps sessions whose password is gone, and does not tell which password a
session came with. While two live, ` + "`ACL GETUSER`" + ` therefore shows a third entry that begins with
726f746f72 ("rotor"). It is the hash of no password; it says when the newer one was added, and it
goes with the older one. Sessions that are older than the newer password end when the old one is
revoked; until then they count as its use and hold the retirement back, so nobody should be left.
Younger ones may be either's and stay. ` + "`end-sessions: all`" + ` ends them too: every client connects anew, and
one that does not repeat failed requests loses those under way, some of them carried out. After
a leak take that, or *alternate*, where each user's sessions are its own.

**A person must** make the user and its rules, once; give replicas a user of their own
(masteruser, masterauth); and see to it that the server can write its aclfile or redis.conf.
After a change between *alternate* and another strategy the old password is a person's to end; Rotor shows the ACL command.
Before a change Rotor saves what the server has in memory: changes that somebody made there
without saving become lasting, and changes in an aclfile that was edited and not loaded are lost.

**Several nodes.** Access lists are not replicated: name every node in ` + "`addresses`" + `, replicas and
cluster nodes too. A node that is missing is refused before anything is changed. All nodes are
asked before the first is changed; if one fails after that, the same values are sent again.

**Verify** logs in anew on every node, and with ` + "`rights: read`" + ` or ` + "`write`" + ` uses a key under
` + "`key-prefix`" + ` that lives ten seconds at most. A user that any password lets in (nopass) is refused.

**Limits.** ACLs need Redis 6 or Valkey. A password that Rotor did not make beside the one in use
stops a rotation, unless ` + "`other-passwords: keep`" + `. Services that manage users through an API of
their own (ElastiCache, Upstash, Redis Cloud) are other providers' business. Handles are the
SHA-256 of the password, as the server shows it; those of guessable passwords that were taken
over are derived from it slowly.

**What "dead" proves.** Every node refused this password itself (WRONGPASS) and lists it no more.
Of sessions see above. Who still tries the old password stands in ACL LOG, and in the usage that
Rotor shows.`
