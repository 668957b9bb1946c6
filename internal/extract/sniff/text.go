package sniff

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// textual tells what kind of text begins with head, of a file whose name ends with
// ending.
func textual(head, ending string) Type {
	begin := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(head, "\uFEFF"), " \t\r\n"))
	switch {
	case strings.HasPrefix(begin, `{\rtf`):
		return Type{RTF, "application/rtf"}
	case isHTML(begin):
		return Type{HTML, "text/html"}
	case strings.HasPrefix(begin, "<?xml") || strings.HasPrefix(begin, "<svg"):
		return markupType(begin)
	case isMail(head, ending):
		return Type{Mail, "message/rfc822"}
	}
	switch ending {
	case ".md", ".markdown", ".mdown", ".mkd":
		return Type{Markdown, "text/markdown"}
	case ".csv", ".tsv", ".tab":
		return Type{Delimited, "text/csv"}
	case ".json", ".jsonl", ".ndjson", ".geojson", ".ipynb":
		return Type{JSON, "application/json"}
	case ".html", ".htm", ".xhtml":
		if strings.Contains(begin, "<") {
			return Type{HTML, "text/html"}
		}
	case ".xml", ".svg":
		if strings.HasPrefix(begin, "<") {
			return markupType(begin)
		}
	case ".txt", ".text", ".log":
	default:
		if isJSON(begin) {
			return Type{JSON, "application/json"}
		}
	}
	return Type{Text, "text/plain"}
}

// isHTML reports whether a text begins as pages do, apart from comments before that.
func isHTML(begin string) bool {
	for strings.HasPrefix(begin, "<!--") {
		_, rest, ok := strings.Cut(begin, "-->")
		if !ok {
			return false
		}
		begin = strings.TrimLeft(rest, " \t\r\n")
	}
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<title"} {
		if rest, ok := strings.CutPrefix(begin, tag); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n>")) {
			return true
		}
	}
	return false
}

// markupType tells XML of one kind from that of others.
func markupType(begin string) Type {
	switch {
	case strings.Contains(begin, "<html"):
		return Type{HTML, "application/xhtml+xml"}
	case strings.Contains(begin, "<svg"):
		return Type{XML, "image/svg+xml"}
	}
	return Type{XML, "application/xml"}
}

// isMail reports whether a text begins with the header of a message. What programs add
// on a message's way is enough; what people write at the top of a letter is not.
func isMail(head, ending string) bool {
	written := []string{"from", "to", "subject", "date", "cc", "content-type"}
	added := []string{"received", "return-path", "mime-version", "message-id", "delivered-to", "dkim-signature", "x-received"}
	people, programs := 0, 0
	for i, line := range strings.Split(strings.ReplaceAll(head, "\r\n", "\n"), "\n") {
		if line == "" {
			break
		}
		name, _, ok := strings.Cut(line, ":")
		name = strings.ToLower(name)
		switch {
		case line[0] == ' ' || line[0] == '\t', i == 0 && strings.HasPrefix(line, "From "):
		case !ok || strings.ContainsAny(name, " \t"):
			return false
		case slices.Contains(added, name):
			programs++
		case slices.Contains(written, name):
			people++
		}
	}
	const enough = 2
	return programs > 0 && programs+people >= enough || ending == ".eml" && people > 0
}

// isJSON reports whether a text begins with a list or an object, and is JSON as far as
// it goes.
func isJSON(begin string) bool {
	if !strings.HasPrefix(begin, "{") && !strings.HasPrefix(begin, "[") {
		return false
	}
	d := json.NewDecoder(strings.NewReader(begin))
	for tokens := 0; ; tokens++ {
		if _, err := d.Token(); err != nil {
			const enough = 4
			return err == io.EOF && tokens > 1 || tokens >= enough && d.InputOffset() > int64(len(begin))*3/4
		}
	}
}
