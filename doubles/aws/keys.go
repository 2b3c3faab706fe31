package aws

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (d *Double) status(id string) string {
	if _, off := d.off[id]; off {
		return "Inactive"
	}
	return "Active"
}

func (d *Double) metadata(k *doubles.Key) string {
	return fmt.Sprintf("<UserName>%s</UserName><AccessKeyId>%s</AccessKeyId><Status>%s</Status><CreateDate>%s</CreateDate>", k.Name, k.ID, d.status(k.ID), date(k.Born))
}

func (d *Double) create(w http.ResponseWriter, r *http.Request, name string) {
	if len(d.ofUser(name)) >= perUser {
		fail(w, http.StatusConflict, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for AccessKeysPerUser: %d", perUser))
		return
	}
	k := d.keys.Add(doubles.Key{ID: newID(), Name: name, Value: newSecret()})
	answer(w, r, "CreateAccessKey", "<AccessKey>"+d.metadata(k)+"<SecretAccessKey>"+k.Value+"</SecretAccessKey></AccessKey>")
}

func (d *Double) list(w http.ResponseWriter, r *http.Request, name string) {
	page, more := doubles.After(d.ofUser(name), strings.TrimPrefix(r.FormValue("Marker"), "double-marker-"), d.opts.Page)
	var b strings.Builder
	for _, k := range page {
		b.WriteString("<member>" + d.metadata(k) + "</member>")
	}
	end := "<IsTruncated>false</IsTruncated>"
	if more {
		end = "<IsTruncated>true</IsTruncated><Marker>double-marker-" + page[len(page)-1].ID + "</Marker>"
	}
	answer(w, r, "ListAccessKeys", "<UserName>"+text(name)+"</UserName><AccessKeyMetadata>"+b.String()+"</AccessKeyMetadata>"+end)
}

// of is the key that a request names, if it is that user's.
func (d *Double) of(w http.ResponseWriter, r *http.Request, name string) *doubles.Key {
	id := r.FormValue("AccessKeyId")
	if k := d.keys.Get(id); k != nil && k.Name == name {
		return k
	}
	fail(w, http.StatusNotFound, "NoSuchEntity", fmt.Sprintf("The Access Key with id %s cannot be found.", text(id)))
	return nil
}

func (d *Double) update(w http.ResponseWriter, r *http.Request, name string) {
	k := d.of(w, r, name)
	switch status := r.FormValue("Status"); {
	case k == nil:
		return
	case status == "Active":
		delete(d.off, k.ID)
	case status != "Inactive":
		fail(w, http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'status' failed to satisfy constraint")
		return
	case d.status(k.ID) == "Active":
		d.off[k.ID] = d.Clock.Now()
	}
	answer(w, r, "UpdateAccessKey", "")
}

func (d *Double) remove(w http.ResponseWriter, r *http.Request, name string) {
	k := d.of(w, r, name)
	if k == nil {
		return
	}
	d.keys.End(k.ID)
	answer(w, r, "DeleteAccessKey", "")
}

// used needs no user name, and tells it.
func (d *Double) used(w http.ResponseWriter, r *http.Request, _ string) {
	k := d.keys.Get(r.FormValue("AccessKeyId"))
	if k == nil {
		fail(w, http.StatusNotFound, "NoSuchEntity", fmt.Sprintf("The Access Key with id %s cannot be found.", text(r.FormValue("AccessKeyId"))))
		return
	}
	use := "<ServiceName>N/A</ServiceName><Region>N/A</Region>"
	if !k.Used.IsZero() {
		use = "<LastUsedDate>" + date(k.Used) + "</LastUsedDate><ServiceName>sts</ServiceName><Region>us-east-1</Region>"
	}
	answer(w, r, "GetAccessKeyLastUsed", "<UserName>"+k.Name+"</UserName><AccessKeyLastUsed>"+use+"</AccessKeyLastUsed>")
}
