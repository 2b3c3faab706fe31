package demo

import "fmt"

// sideBySide is the end of the story: two columns, measured in one run.
func (d *demo) sideBySide(ours, theirs *outcome) {
	d.story.section("Side by side")
	rows := [][]string{{"", "Rotor", "the runbook's commands"}}
	row := func(what string, cell func(*outcome) string) {
		rows = append(rows, []string{what, cell(ours), cell(theirs)})
	}
	row("under load for", func(o *outcome) string { return seconds(o.load.All.Took) })
	row("requests served", func(o *outcome) string { return fmt.Sprint(o.load.All.OK) })
	row("requests failed", func(o *outcome) string { return fmt.Sprint(o.load.All.Failed) })
	row("longest without an answer", func(o *outcome) string { return fmt.Sprintf("%d ms", o.load.All.Longest.Milliseconds()) })
	if d.database != nil {
		row("new login", func(o *outcome) string { return brief(o.newLogin) })
		row("old login", func(o *outcome) string { return brief(o.oldLogin) })
		row("sessions of the old login", func(o *outcome) string { return fmt.Sprint(o.sessions) })
	}
	row("old token", func(o *outcome) string { return o.oldToken })
	d.story.table(rows)
	d.story.print("\n")
	for _, c := range theirs.load.All.Causes() {
		d.story.say("runbook: %d× %s", c.Count, c.Text)
	}
	if d.database != nil && theirs.newLogin != works {
		d.story.say("…and it would go on: nova_new was given the tables but not their sequences,")
		d.story.say("which SELECT 1 does not show, and nova_old does not exist: the old login is nova.")
	}
	d.story.print("\n")
	d.story.say("told in %s", d.story.elapsed())
}

// brief is a verdict without the server's words, which were shown before.
func brief(verdict string) string {
	switch {
	case verdict == works:
		return works
	case len(verdict) >= len(refused) && verdict[:len(refused)] == refused:
		return refused
	}
	return "logs in, cannot INSERT"
}
