package markdown

import "strings"

// atxLevel is the level of a heading that is marked with #; 0 if a line is none.
func atxLevel(text string) int {
	level := len(text) - len(strings.TrimLeft(text, "#"))
	if level < 1 || level > 6 || len(text) > level && text[level] != ' ' && text[level] != '\t' {
		return 0
	}
	return level
}

// setextLevel is the level of the heading that a line underlines; 0 if it does not.
func setextLevel(text string) int {
	switch {
	case strings.Trim(text, "=") == "":
		return 1
	case strings.Trim(text, "-") == "":
		return 2
	}
	return 0
}

// fenceOf is the fence with which code begins, "" if it does not.
func fenceOf(text string) string {
	const shortest = 3
	for _, mark := range []string{"`", "~"} {
		rest := strings.TrimLeft(text, mark)
		if n := len(text) - len(rest); n >= shortest && (mark == "~" || !strings.Contains(rest, mark)) {
			return text[:n]
		}
	}
	return ""
}

// isDelimiterRow reports whether a line is what stands below the head of a table.
func isDelimiterRow(text string) bool {
	return strings.Contains(text, "-") && strings.Contains(text, "|") && strings.Trim(text, "|-: \t") == ""
}

// cellsOf parts a row of a table. A bar behind a backslash is part of its cell.
func cellsOf(row string) []string {
	row = strings.TrimPrefix(strings.TrimSpace(row), "|")
	if strings.HasSuffix(row, "|") && !strings.HasSuffix(row, `\|`) {
		row = row[:len(row)-1]
	}
	var cells []string
	var cell strings.Builder
	for i := range len(row) {
		switch {
		case row[i] == '\\' && i+1 < len(row) && row[i+1] == '|':
		case row[i] == '|' && (i == 0 || row[i-1] != '\\'):
			cells = append(cells, strings.TrimSpace(cell.String()))
			cell.Reset()
		default:
			cell.WriteByte(row[i])
		}
	}
	return append(cells, strings.TrimSpace(cell.String()))
}
