package retrieval

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	// A page with less text than leastText, or with a line about itself shorter than
	// leastQuestion, asks or answers too little. Both are bytes.
	leastText     = 500
	leastQuestion = 20
	mostPage      = 1 << 20
)

// Make makes a collection of the manual pages below a folder, such as /usr/share/man for
// English or /usr/share/man/de. A page's question is what it says of itself behind its
// name; the page without that is the answer, and has no title. Questions that several
// pages ask are answered by all of them.
func Make(dir string) (*Collection, error) {
	c := &Collection{Judged: make(map[string]map[string]int)}
	asked := make(map[string]string) // text -> id
	seen := make(map[string]bool)    // texts: a page may be there under several names
	sections, err := filepath.Glob(filepath.Join(dir, "man[1-8]"))
	if err != nil {
		return nil, err
	}
	for _, section := range sections {
		err := filepath.WalkDir(section, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			source, err := readPage(name)
			if err != nil {
				return nil //nolint:nilerr // what can't be read is no page
			}
			question, text := parsePage(source)
			if len(question) < leastQuestion || len(text) < leastText || seen[text] {
				return nil
			}
			seen[text] = true
			d := Document{ID: filepath.Base(section) + "/" + entry.Name(), Text: text}
			c.Documents = append(c.Documents, d)
			id, ok := asked[question]
			if !ok {
				id = strconv.Itoa(len(asked) + 1)
				asked[question] = id
				c.Questions = append(c.Questions, Question{id, question})
				c.Judged[id] = make(map[string]int)
			}
			c.Judged[id][d.ID] = 1
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func readPage(name string) (string, error) {
	text, err := os.ReadFile(name) //nolint:gosec // G304: whoever runs it names the folder
	if err != nil || filepath.Ext(name) != ".gz" {
		return string(text), err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	text, err = io.ReadAll(io.LimitReader(unzipped, mostPage))
	return string(text), err
}

// parsePage parts a page in what it says of itself and the rest, without the marks of the
// typesetter.
func parsePage(source string) (question, text string) {
	escapes := regexp.MustCompile(`\\(f\[[^]]*\]|f\(..|f.|s[-+]?\d+|\*\[[^]]*\]|\*\(..|\*.|\[[^]]*\]|\(..|&|\||\^|%|/|,|"[^\n]*)`)
	var name, rest strings.Builder
	sections := 0
	for line := range strings.SplitSeq(source, "\n") {
		macro := ""
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			macro, line, _ = strings.Cut(strings.TrimLeft(line[1:], " \t"), " ")
		}
		if strings.HasPrefix(macro, `\"`) || isSilent(macro) {
			continue
		}
		if macro == "SH" || macro == "Sh" {
			sections++
			if sections == 1 {
				continue // "NAME"
			}
		}
		line = strings.ReplaceAll(escapes.ReplaceAllString(strings.ReplaceAll(line, `\-`, "-"), ""), `"`, " ")
		line = strings.ReplaceAll(line, `\`, "")
		switch {
		case sections == 1 && macro == "Nd":
			name.WriteString(" - " + line + " ")
		case sections == 1:
			name.WriteString(line + " ")
		case sections > 1:
			rest.WriteString(line + "\n")
		}
	}
	_, question, _ = strings.Cut(name.String(), " - ")
	return strings.Join(strings.Fields(question), " "), strings.TrimSpace(rest.String())
}

// isSilent reports whether what stands behind a macro is no text.
func isSilent(macro string) bool {
	switch macro {
	case "TH", "Dd", "Dt", "Os", "de", "ds", "nr", "ie", "el", "if", "so", "ft", "sp", "in", "ti", "ta", "ad", "hy", "nh", "ne", "..", "PD", "RS", "RE", "Bl", "El", "UR", "UE", "MT", "ME":
		return true
	}
	return false
}
