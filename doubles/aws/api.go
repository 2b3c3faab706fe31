package aws

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// allowed is how far the date of a signature may be off.
const allowed = 5 * time.Minute

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, signed := doubles.SignatureOf(r)
	if !signed {
		fail(w, http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
		return
	}
	action := r.FormValue("Action")
	known := d.keys.Known(s.ID)
	switch {
	case known == nil:
		fail(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case !d.dated(w, s):
	case s.Service != serviceOf(action):
		fail(w, http.StatusForbidden, "SignatureDoesNotMatch", fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", serviceOf(action)))
	case !s.By(known.Value):
		fail(w, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	case d.accepted(s) == nil:
		fail(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	default:
		d.act(w, r, action, known.Name)
	}
}

func serviceOf(action string) string {
	if action == "GetCallerIdentity" {
		return "sts"
	}
	return "iam"
}

// dated refuses signatures of another time.
func (d *Double) dated(w http.ResponseWriter, s doubles.Signature) bool {
	const form = "20060102T150405Z"
	now := time.Now().Add(d.skew).UTC()
	switch {
	case s.At.Before(now.Add(-allowed)):
		fail(w, http.StatusForbidden, "SignatureDoesNotMatch", fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", s.At.Format(form), now.Add(-allowed).Format(form), now.Format(form)))
	case s.At.After(now.Add(allowed)):
		fail(w, http.StatusForbidden, "SignatureDoesNotMatch", fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", s.At.Format(form), now.Add(allowed).Format(form), now.Format(form)))
	default:
		return true
	}
	return false
}

func (d *Double) act(w http.ResponseWriter, r *http.Request, action, caller string) {
	if action == "GetCallerIdentity" {
		u := d.users[caller]
		answer(w, r, action, fmt.Sprintf("<Arn>arn:aws:iam::%s:user%s%s</Arn><UserId>%s</UserId><Account>%s</Account>", d.Account, u.path, caller, u.id, d.Account))
		return
	}
	acts := map[string]func(http.ResponseWriter, *http.Request, string){"CreateAccessKey": d.create, "ListAccessKeys": d.list,
		"UpdateAccessKey": d.update, "DeleteAccessKey": d.remove, "GetAccessKeyLastUsed": d.used}
	act := acts[action]
	if act == nil || r.FormValue("Version") != "2010-05-08" {
		fail(w, http.StatusBadRequest, "InvalidAction", "Could not find operation "+text(action)+" for version "+text(r.FormValue("Version")))
		return
	}
	name := r.FormValue("UserName")
	if name == "" {
		name = caller // who signed is meant
	}
	rights := d.users[caller].rights
	switch {
	case rights != "all" && (rights != "own" || name != caller):
		fail(w, http.StatusForbidden, "AccessDenied", fmt.Sprintf("User: arn:aws:iam::%s:user/%s is not authorized to perform: iam:%s on resource: user %s", d.Account, caller, action, text(name)))
	case d.users[name] == nil:
		fail(w, http.StatusNotFound, "NoSuchEntity", fmt.Sprintf("The user with name %s cannot be found.", text(name)))
	default:
		act(w, r, name)
	}
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}

func head(w http.ResponseWriter) string {
	id := doubles.Text(8) + "-" + doubles.Text(12)
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	return id
}

func fail(w http.ResponseWriter, status int, code, message string) {
	id := head(w)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>%s</Code>\n    <Message>%s</Message>\n  </Error>\n  <RequestId>%s</RequestId>\n</ErrorResponse>\n", code, message, id)
}

// answer wraps a result, "" for an action that has none.
func answer(w http.ResponseWriter, r *http.Request, action, result string) {
	if strings.Contains(r.Header.Get("Accept"), "json") {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{action + "Response": doubles.Object{"ResponseMetadata": doubles.Object{"RequestId": doubles.Text(20)}}})
		return
	}
	if result != "" {
		result = fmt.Sprintf("<%sResult>%s</%sResult>", action, result, action)
	}
	namespace := "https://iam.amazonaws.com/doc/2010-05-08/"
	if serviceOf(action) == "sts" {
		namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	}
	id := head(w)
	fmt.Fprintf(w, "<%sResponse xmlns=\"%s\">%s<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>\n", action, namespace, result, id, action)
}
