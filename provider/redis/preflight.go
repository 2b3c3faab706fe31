package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Preflight asks everything that can be asked without effect: what sort of nodes these
// are and whether they are all, what the admin may do, whether changes would last, and
// who has which passwords.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	const op = "redis: preflight"
	name, err := p.nextUser(ctx, req)
	if err != nil {
		return err
	}
	var further []secret.Value
	if p.opts.Strategy == rotation.InPlace {
		further = []secret.Value{req.Old[password]}
	}
	return p.all(ctx, op, func(ctx context.Context, nodes []*node) error {
		replicas, listed := 0, 0
		ids := map[string]string{}
		for _, n := range nodes {
			k, err := n.kind(ctx)
			if err != nil {
				return err
			}
			if other, twice := ids[k.id]; twice && k.id != "" {
				return fault.New(fault.BadConfig, "%s: %s and %s are the same node", op, other, n.shown).WithHint("list each node once in addresses")
			}
			ids[k.id] = n.shown
			replicas += k.replicas
			if k.replica {
				listed++
			}
			if err := p.checkCluster(ctx, n, k, len(nodes)); err != nil {
				return err
			}
			if err := p.checkNode(ctx, n, k, name, req.Current); err != nil {
				return err
			}
		}
		if replicas > listed && p.opts.OtherNodes == refuse {
			return fault.New(fault.BadConfig, "%s: %d replicas are connected and %d are among addresses; each has an access list of its own", op, replicas, listed).
				WithHint("list all nodes in addresses; or other-nodes: ignore if nobody logs in there and none is ever promoted")
		}
		return nil
	}, further...)
}

// kind is what sort of node this is.
type kind struct {
	id       string // of the process
	acl      bool   // has access lists
	cluster  bool
	replica  bool
	replicas int // that copy from it
}

func (n *node) kind(ctx context.Context) (kind, error) {
	info := map[string]string{}
	for _, name := range []string{"server", "replication", "cluster"} {
		part, err := n.section(ctx, name)
		if err != nil {
			return kind{}, err
		}
		for key, value := range part {
			info[key] = value
		}
	}
	if info["redis_mode"] == "sentinel" {
		return kind{}, fault.New(fault.BadConfig, "%s: this is a Sentinel, not a server%s", n.op, n.at()).WithHint("list the servers that it watches in addresses")
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	version, err := strconv.Atoi(major)
	if err != nil {
		return kind{}, fault.New(fault.BadConfig, "%s: the admin's connection does not lead to Redis%s", n.op, n.at())
	}
	replicas, _ := strconv.Atoi(info["connected_slaves"])
	return kind{
		id: info["run_id"], acl: version >= 6, cluster: info["cluster_enabled"] == "1",
		replica: info["role"] == "slave", replicas: replicas,
	}, nil
}

// checkCluster counts the nodes that the cluster knows.
func (p *Provider) checkCluster(ctx context.Context, n *node, k kind, listed int) error {
	if !k.cluster || p.opts.OtherNodes == ignore {
		return nil
	}
	answer, err := n.ask(ctx, "CLUSTER", "NODES")
	if err != nil {
		return err
	}
	text, _ := answer.(string)
	members := 0
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && !strings.Contains(f[2], "noaddr") && !strings.Contains(f[2], "handshake") {
			members++
		}
	}
	if members > listed {
		return fault.New(fault.BadConfig, "%s: the cluster has %d nodes and %d are among addresses; each has an access list of its own", n.op, members, listed).
			WithHint("list all nodes in addresses, replicas too")
	}
	return nil
}

func (p *Provider) checkNode(ctx context.Context, n *node, k kind, name string, current rotation.Handle) error {
	if _, err := p.persistence(ctx, n); err != nil {
		return err
	}
	if p.opts.Strategy == rotation.InPlace {
		return p.checkInPlace(ctx, n, k)
	}
	if !k.acl {
		return fault.New(fault.BadConfig, "%s: the server is older than Redis 6 and has no users%s", n.op, n.at()).WithHint("strategy: in-place changes requirepass")
	}
	u, err := n.user(ctx, name)
	if err != nil {
		return err
	}
	check := p.checkOverlap
	if p.opts.Strategy == rotation.Alternate {
		check = p.checkAlternate
	}
	if err := check(ctx, n, u, current); err != nil {
		return err
	}
	return p.checkAdmin(ctx, n, u)
}

// checkAdmin tries the rights of commands that would change something, in forms that
// change nothing.
func (p *Provider) checkAdmin(ctx context.Context, n *node, u user) error {
	if u.exists { // without rules; of a user who does not exist it would make one
		if _, err := n.ask(ctx, "ACL", "SETUSER", u.name); err != nil {
			return err
		}
	}
	if _, err := n.ask(ctx, "CLIENT", "KILL", "ID", "9223372036854775807"); err != nil {
		return err
	}
	if p.opts.Strategy == rotation.Alternate {
		return nil // the user whose turn it is has no sessions at all
	}
	return n.noReplicaAs(ctx, u.name)
}

func (n *node) noReplicaAs(ctx context.Context, name string) error {
	all, err := n.clients(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.user == name && s.replica() {
			return fault.New(fault.BadConfig, "%s: a replica copies from the server as user %s%s; it would be cut off", n.op, name, n.at()).
				WithHint("give replicas a user of their own: masteruser and masterauth")
		}
	}
	return nil
}

// checkInPlace: requirepass replaces whatever the user default has. An admin who may not
// see users and sessions sees less.
func (p *Provider) checkInPlace(ctx context.Context, n *node, k kind) error {
	if !k.acl {
		return nil
	}
	u, err := n.user(ctx, defaultUser)
	switch {
	case fault.KindOf(err) == fault.Denied:
		return nil
	case err != nil:
		return err
	case u.nopass:
		return noPasswordAsked(n.op + n.at())
	case !u.on:
		return usable(n, u)
	case len(u.hashes) > 1:
		return fault.New(fault.NeedsPerson, "%s: user default has %d passwords%s, and requirepass would replace them all", n.op, len(u.hashes), n.at()).
			WithHint("with strategy: overlap they stay; or remove all but one: ACL SETUSER default !HASH")
	}
	if err := n.noReplicaAs(ctx, defaultUser); fault.KindOf(err) != fault.Denied {
		return err
	}
	return nil
}

func (p *Provider) checkOverlap(_ context.Context, n *node, u user, current rotation.Handle) error {
	if err := usable(n, u); err != nil {
		return err
	}
	hash := named(current.ID, u.name, u.hashes)
	others := len(u.hashes)
	if hash != "" {
		others--
	}
	switch {
	case current.ID != "" && hash == "" && len(u.hashes) > 0:
		return fault.New(fault.BadConfig, "%s: user %s does not have the password that is in use%s", n.op, u.name, n.at()).
			WithHint("was it changed by hand, or is this node behind the others? compare ACL GETUSER %s on all nodes", u.name)
	case current.ID == "" && others <= 1, others == 0, p.opts.OtherPasswords == keep:
		return nil
	}
	return fault.New(fault.NeedsPerson, "%s: user %s has %d passwords that Rotor did not make%s; they would outlive every rotation", n.op, u.name, others, n.at()).
		WithHint("ACL GETUSER %s lists them as hashes; find out whose they are and remove them (ACL SETUSER %s !HASH), or say other-passwords: keep", u.name, u.name)
}

// checkAlternate: the user whose turn it is must be idle, and somebody must have rules.
func (p *Provider) checkAlternate(ctx context.Context, n *node, u user, current rotation.Handle) error {
	model, err := n.user(ctx, p.inUse(u.name, current))
	if err != nil {
		return err
	}
	there, err := n.sessions(ctx, u.name)
	switch {
	case err != nil:
		return err
	case slices.Contains([]string{u.name, model.name}, n.as):
		return fault.New(fault.BadConfig, "%s: the admin is %s, who is one of those that take turns", n.op, n.as).
			WithHint("make a user of its own for Rotor; see `rotor providers redis`")
	case !u.exists && !model.exists:
		return fault.New(fault.BadConfig, "%s: neither %s nor %s exists%s", n.op, u.name, model.name, n.at()).
			WithHint("create one with the application's rules; the other one gets the same")
	case current.Slot != "" && !model.open():
		return fault.New(fault.BadConfig, "%s: user %s should be in use and nobody can log in as it%s", n.op, model.name, n.at()).
			WithHint("was it changed by hand, or is this node behind the others? compare ACL LIST on all nodes")
	case model.nopass:
		return noPasswordAsked(n.op + n.at())
	case len(there) > 0:
		return fault.New(fault.NeedsPerson, "%s: user %s should be idle and has %d open sessions%s", n.op, u.name, len(there), n.at()).
			WithHint("its password is about to change; see who it is in CLIENT LIST and move them to the current user")
	}
	if _, err := n.ask(ctx, "ACL", "LIST"); err != nil {
		return err
	}
	return nil
}
