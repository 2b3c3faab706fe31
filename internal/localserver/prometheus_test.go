package localserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestPrometheus(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "answers_total 42")
	}))
	defer target.Close()
	p, err := StartPrometheus(t.Context(), PrometheusOptions{
		Targets:        map[string][]string{`an "app"`: {strings.TrimPrefix(target.URL, "http://")}},
		ScrapeInterval: 100 * time.Millisecond,
	})
	need(t, err)
	defer p.Stop()

	err = p.proc.waitReady(t.Context(), func(context.Context) error {
		value, err := query(p, `answers_total{job="an \"app\""}`)
		if err == nil && value != "42" {
			err = errors.New("no sample yet: " + value)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	stopped(t, p)
}

// query is the value of the first sample of an instant query, "" if there is none.
func query(p *Prometheus, expr string) (string, error) {
	resp, err := plainClient.Get(p.URL + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Data.Result) == 0 {
		return "", err
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
}
