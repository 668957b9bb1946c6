package config

import (
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Documents is what apps may upload, and how it is read and searched.
type Documents struct {
	MaxFile            strictyaml.Size `yaml:"max_file" env:"FAIRLEAD_DOCUMENTS_MAX_FILE" doc:"Largest file that may be uploaded. 0 = no limit."`
	MaxPages           int             `yaml:"max_pages" most:"10000000" env:"FAIRLEAD_DOCUMENTS_MAX_PAGES" doc:"Most pages of a document; one with more is not ingested. 0 = no limit."`
	MaxText            strictyaml.Size `yaml:"max_text" env:"FAIRLEAD_DOCUMENTS_MAX_TEXT" doc:"Most text of a document, 64KiB to 1GiB; one with more is not ingested."`
	MaxUploads         int             `yaml:"max_uploads" most:"100000" env:"FAIRLEAD_DOCUMENTS_MAX_UPLOADS" doc:"Most uploads that are received at the same time, of all apps; one app may have half of them. 0 = no limit."`
	MaxDocumentsPerApp int             `yaml:"max_documents_per_app" most:"100000000" env:"FAIRLEAD_DOCUMENTS_MAX_PER_APP" doc:"Most documents of one app. 0 = no limit."`
	MaxBytesPerApp     strictyaml.Size `yaml:"max_bytes_per_app" env:"FAIRLEAD_DOCUMENTS_MAX_BYTES_PER_APP" doc:"Most bytes of the files of one app. 0 = no limit."`
	Worker             DocumentWorker  `yaml:"worker" doc:"The process that reads one document."`
	Embeddings         Embeddings      `yaml:"embeddings" doc:"Finding passages by their meaning too."`
	Rerank             Rerank          `yaml:"rerank" doc:"Having a model put in order what was found."`
	Rewrite            Rewrite         `yaml:"rewrite" doc:"Having a model find other ways to ask, for searches of vector stores that ask for it."`
	Analysis           Analysis        `yaml:"analysis" doc:"How models read documents."`
}

// DocumentWorker bounds the process that reads one document.
type DocumentWorker struct {
	Memory strictyaml.Size     `yaml:"memory" env:"FAIRLEAD_DOCUMENTS_WORKER_MEMORY" doc:"Most memory of it, 256MiB to 16GiB; a document that needs more is not ingested. server.worker_threads of them run at the same time."`
	Time   strictyaml.Duration `yaml:"time" env:"FAIRLEAD_DOCUMENTS_WORKER_TIME" doc:"Most time that it may take, at least 1s."`
}

// Embeddings says which model makes vectors of chunks.
type Embeddings struct {
	Model      string `yaml:"model" env:"FAIRLEAD_DOCUMENTS_EMBEDDINGS_MODEL" doc:"The embeddings model, as model or provider/model. Left out, documents are searched by their words alone. Another model has all vectors made anew, in the background."`
	Dimensions int    `yaml:"dimensions" most:"65536" env:"FAIRLEAD_DOCUMENTS_EMBEDDINGS_DIMENSIONS" doc:"How long its vectors are asked to be. 0 = as long as it makes them."`
}

// The kinds of rerankers.
const (
	RerankByAPI  = "api"
	RerankByChat = "llm"
)

// Rerank says which model puts in order what was found.
type Rerank struct {
	Model      string `yaml:"model" env:"FAIRLEAD_DOCUMENTS_RERANK_MODEL" doc:"The model, as model or provider/model. Left out, the order is that of the search."`
	By         string `yaml:"by" oneof:"api,llm" env:"FAIRLEAD_DOCUMENTS_RERANK_BY" doc:"api: the provider has a /rerank path, as Cohere and Jina have; llm: a chat model is asked for the order."`
	Candidates int    `yaml:"candidates" least:"2" most:"100" env:"FAIRLEAD_DOCUMENTS_RERANK_CANDIDATES" doc:"How many passages it is given."`
}

// Rewrite says which model finds other ways to ask.
type Rewrite struct {
	Model string `yaml:"model" env:"FAIRLEAD_DOCUMENTS_REWRITE_MODEL" doc:"The chat model, as model or provider/model. Left out, rewrite_query has no effect, and the answer tells what was searched for."`
}

// Analysis bounds what one analysis asks of a model.
type Analysis struct {
	MaxCalls     int `yaml:"max_calls" least:"1" most:"10000" env:"FAIRLEAD_DOCUMENTS_ANALYSIS_MAX_CALLS" doc:"Most calls of a model that one analysis makes; of a longer document the most telling parts are read, and the answer says so."`
	WindowTokens int `yaml:"window_tokens" least:"1000" most:"10000000" env:"FAIRLEAD_DOCUMENTS_ANALYSIS_WINDOW_TOKENS" doc:"Most tokens of a document that one call of a model is given."`
	Parallel     int `yaml:"parallel" least:"1" most:"64" env:"FAIRLEAD_DOCUMENTS_ANALYSIS_PARALLEL" doc:"Most calls of one analysis that run, or wait for a slot, at the same time."`
}

func defaultDocuments() Documents {
	return Documents{
		MaxFile: 512 << 20, MaxPages: 20_000, MaxText: 64 << 20, MaxUploads: 32, //nolint:mnd // said in the docs
		MaxDocumentsPerApp: 100_000, MaxBytesPerApp: 20e9,
		Worker:   DocumentWorker{Memory: 1 << 30, Time: strictyaml.Duration(10 * time.Minute)},
		Rerank:   Rerank{By: RerankByAPI, Candidates: 30},
		Analysis: Analysis{MaxCalls: 40, WindowTokens: 24_000, Parallel: 4},
	}
}

func (l *loader) validateDocuments() {
	d := &l.config.Documents
	l.between("documents.max_text", d.MaxText, [2]strictyaml.Size{64 << 10, 1 << 30})
	l.between("documents.worker.memory", d.Worker.Memory, [2]strictyaml.Size{256 << 20, 16 << 30})
	if key := "documents.worker.time"; d.Worker.Time.Std() < time.Second && !l.Wrong(key) {
		l.Complain(key, d.Worker.Time.String()+" is less than 1s", "")
	}
	if d.Embeddings.Model == "" && d.Embeddings.Dimensions > 0 {
		l.Warn("documents.embeddings.dimensions has no effect without documents.embeddings.model")
	}
}

// between complains of a size that is not within its bounds.
func (l *loader) between(key string, size strictyaml.Size, bounds [2]strictyaml.Size) {
	if l.Wrong(key) {
		return
	}
	if size < bounds[0] || size > bounds[1] {
		l.Complain(key, fmt.Sprintf("%s is not between %s and %s", size, bounds[0], bounds[1]), "")
	}
}
