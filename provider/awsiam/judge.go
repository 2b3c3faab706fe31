package awsiam

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
)

// says reads AWS's own refusal; nothing else has this form.
func says(a apiclient.Answer) (code, message string, ok bool) {
	var e struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}
	if xml.Unmarshal(a.Body, &e) != nil || e.Code == "" {
		return "", "", false
	}
	return e.Code, e.Message, true
}

// clockIsOff recognises a signature that was refused for its date.
func clockIsOff(code, message string) bool {
	return code == "RequestExpired" || code == "SignatureDoesNotMatch" &&
		(strings.Contains(message, "Signature expired") || strings.Contains(message, "not yet current"))
}

const (
	clockHint = "the clock of this machine is minutes off, and a signature holds the time: set it (NTP); no key is wrong because of this"
	goneHint  = "the key is gone"
	rights    = "the user of admin-access-key-id needs iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey and iam:DeleteAccessKey for this user, and iam:GetAccessKeyLastUsed"
)

// judge is what a refusal proves about a request of Rotor's own.
func judge(a apiclient.Answer) *apiclient.Verdict {
	code, message, ok := says(a)
	if !ok {
		return nil
	}
	verdict := func(kind fault.Kind, hint string) *apiclient.Verdict {
		return &apiclient.Verdict{Kind: kind, Hint: hint}
	}
	switch {
	case clockIsOff(code, message):
		return verdict(fault.BadConfig, clockHint)
	case code == "InvalidClientTokenId" || code == "UnrecognizedClientException":
		return verdict(fault.Denied, "admin-access-key-id is refused: deleted, inactive, or of another partition of AWS")
	case code == "SignatureDoesNotMatch" || code == "IncompleteSignature":
		return verdict(fault.Denied, "the signature is refused: do admin-access-key-id and admin-secret-access-key belong together?")
	case code == "ExpiredToken" || code == "MissingAuthenticationToken":
		return verdict(fault.Denied, "admin-access-key-id is of temporary credentials; IAM wants a user's own key here")
	case code == "AccessDenied" || code == "AccessDeniedException":
		return verdict(fault.Denied, rights)
	case code == "LimitExceeded":
		return verdict(fault.Rejected, "the user has two keys, and that is all it can have: delete one that nobody uses")
	case strings.HasPrefix(code, "Throttling") || code == "RequestLimitExceeded" || code == "EntityTemporarilyUnmodifiable" || code == "ConcurrentModification":
		return verdict(fault.Transient, "")
	case code == "NoSuchEntity" && isKey(message):
		return verdict(fault.BadConfig, goneHint)
	case code == "NoSuchEntity":
		return verdict(fault.BadConfig, "there is no such user in the account of admin-access-key-id: check user")
	}
	return nil
}

// isKey says whether "no such entity" is about the key: that of a user proves nothing
// about a key, which may live under another name.
func isKey(message string) bool { return strings.Contains(strings.ToLower(message), "access key") }

func isGone(err error) bool {
	return err != nil && apiclient.StatusOf(err) == http.StatusNotFound && fault.HintOf(err) == goneHint
}
