package retrieval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Collection is documents, questions, and which documents answer which question.
type Collection struct {
	Documents []Document
	Questions []Question
	// Judged are the grades of documents, by question and document; 0 is no answer.
	Judged map[string]map[string]int
}

// Document is what is searched.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Question is what is asked.
type Question struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
}

// Files names the files of a collection. Corpus may be a folder with a corpus.jsonl.
type Files struct{ Corpus, Queries, Judgements string }

// Read reads a collection. Files whose names end in .jsonl are BEIR's, others SMART's.
// Questions without a judgement are left out.
func Read(f Files) (*Collection, error) {
	if info, err := os.Stat(f.Corpus); err == nil && info.IsDir() {
		f.Corpus = filepath.Join(f.Corpus, "corpus.jsonl")
	}
	var c Collection
	var err error
	if c.Documents, err = readDocuments(f.Corpus); err != nil {
		return nil, err
	}
	questions, err := readDocuments(f.Queries)
	if err != nil {
		return nil, err
	}
	if c.Judged, err = readJudgements(f.Judgements); err != nil {
		return nil, err
	}
	for i, q := range questions {
		id := q.ID
		if _, ok := c.Judged[id]; !ok {
			id = strconv.Itoa(i + 1) // Cranfield's judgements count its questions
		}
		if _, ok := c.Judged[id]; ok {
			c.Questions = append(c.Questions, Question{id, q.Text})
		}
	}
	if len(c.Documents) == 0 || len(c.Questions) == 0 {
		return nil, errors.New("the collection has no documents, or no questions that were judged")
	}
	return &c, nil
}

// readDocuments reads a file of documents, or of questions, which are documents without a
// title.
func readDocuments(name string) ([]Document, error) {
	file, err := os.Open(name) //nolint:gosec // G304: whoever runs it names it
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read := readSMART
	if filepath.Ext(name) == ".jsonl" {
		read = readLines
	}
	list, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return list, nil
}

func readLines(from io.Reader) (list []Document, err error) {
	decoder := json.NewDecoder(bufio.NewReader(from))
	for {
		var d Document
		if err := decoder.Decode(&d); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
}

// readSMART reads records that begin with a line ".I number", and whose fields begin with
// a line of a dot and a letter: T is the title, W the text.
func readSMART(from io.Reader) (list []Document, err error) {
	lines := bufio.NewScanner(from)
	field := byte(0)
	for lines.Scan() {
		line := lines.Text()
		if id, ok := strings.CutPrefix(line, ".I "); ok {
			list = append(list, Document{ID: strings.TrimSpace(id)})
			continue
		}
		if len(line) >= 2 && line[0] == '.' && line[1] >= 'A' && line[1] <= 'Z' && strings.TrimSpace(line[2:]) == "" {
			field = line[1]
			continue
		}
		if len(list) == 0 {
			return nil, errors.New("it does not begin with .I")
		}
		d := &list[len(list)-1]
		switch field {
		case 'T':
			d.Title = strings.TrimSpace(d.Title + " " + line)
		case 'W':
			d.Text += line + "\n"
		}
	}
	return list, lines.Err()
}

// readJudgements reads lines of a question, a document and a grade, with or without a
// column between, as TREC has it. A first line of names is passed over.
func readJudgements(name string) (map[string]map[string]int, error) {
	text, err := os.ReadFile(name) //nolint:gosec // G304: whoever runs it names it
	if err != nil {
		return nil, err
	}
	judged := make(map[string]map[string]int)
	for n, line := range strings.Split(string(text), "\n") {
		columns := strings.Fields(line)
		if len(columns) == 0 {
			continue
		}
		if len(columns) == 4 {
			columns = []string{columns[0], columns[2], columns[3]}
		}
		if len(columns) != 3 {
			return nil, fmt.Errorf("%s:%d: %d columns, not 3 or 4", name, n+1, len(columns))
		}
		grade, err := strconv.Atoi(columns[2])
		if err != nil {
			if n == 0 {
				continue
			}
			return nil, fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
		if judged[columns[0]] == nil {
			judged[columns[0]] = make(map[string]int)
		}
		judged[columns[0]][columns[1]] = max(grade, 0)
	}
	return judged, nil
}

// Write writes the collection into a folder, as BEIR has it.
func (c *Collection) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "qrels"), 0o750); err != nil {
		return err
	}
	var judged strings.Builder
	judged.WriteString("query-id\tcorpus-id\tscore\n")
	for _, q := range c.Questions {
		for id, grade := range c.Judged[q.ID] {
			fmt.Fprintf(&judged, "%s\t%s\t%d\n", q.ID, id, grade)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "qrels", "test.tsv"), []byte(judged.String()), 0o600); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(dir, "corpus.jsonl"), c.Documents); err != nil {
		return err
	}
	return writeLines(filepath.Join(dir, "queries.jsonl"), c.Questions)
}

func writeLines[T any](name string, list []T) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for i := range list {
		if err := encoder.Encode(list[i]); err != nil {
			return err
		}
	}
	return os.WriteFile(name, []byte(text.String()), 0o600)
}
