package meaning

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
	"github.com/fairleadhq/fairlead/internal/vectors"
)

const (
	// embedEvery is how often it is looked whether there is something to embed.
	embedEvery = 2 * time.Second
	// batch is how many texts a model is given at once, and mostEmbedded how many bytes of
	// each.
	batch        = 64
	mostEmbedded = 16 << 10
	// pageOfVectors and pageOfDocuments are how many are read from the store at once.
	pageOfVectors   = 256
	pageOfDocuments = 1000
)

// Run reads the vectors that there are, and makes those that are to be made, until ctx
// ends. It must not be called twice.
func (k *Keeper) Run(ctx context.Context) {
	e := newEmbedder(k)
	known := false
	for {
		pause := embedEvery
		if known = known || k.know(ctx); known {
			pause = max(pause, e.work(ctx))
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// work reads vectors and makes them. It returns after how long it should be called again.
func (e *embedder) work(ctx context.Context) time.Duration {
	for _, r := range e.all() {
		if err := e.loadVectors(ctx, r); err != nil {
			e.complain(ctx, "embeddings not read", r.app, err)
		}
	}
	return e.embedPending(ctx)
}

// loadVectors brings into memory the vectors that the store has of an app, once, and notes
// which documents lack some; of documents that came later, as soon as they are ready.
func (k *Keeper) loadVectors(ctx context.Context, r *space) error {
	r.mu.Lock()
	loaded := r.loaded
	r.mu.Unlock()
	if loaded {
		return k.noteNew(ctx, r)
	}
	held := make(map[int64]int)
	if set := r.vectors(); set != nil {
		for _, g := range set.Groups() {
			held[g.Number] = g.Count
		}
	}
	err := k.eachReady(ctx, r.app, func(d *fairlead.Document) error {
		if held[d.Number] == d.Chunks {
			return nil
		}
		return k.loadDocument(ctx, r, d)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loaded = true
	return nil
}

// noteNew notes of documents that have become ready that they are to be embedded.
func (k *Keeper) noteNew(ctx context.Context, r *space) error {
	ids := r.toEmbed()
	if len(ids) == 0 {
		return nil
	}
	documents, err := k.config.Selector.DocumentsByID(ctx, r.app, ids)
	if err != nil {
		return err
	}
	for i := range documents {
		d := &documents[i]
		if d.Status == fairlead.DocumentReady && !d.EmbeddingPending {
			if err := k.loadDocument(ctx, r, d); err != nil {
				return err
			}
		}
		if d.Status.Ended() {
			r.seen(d.ID)
		}
	}
	for _, id := range ids {
		if !contains(documents, id) {
			r.seen(id) // it was deleted
		}
	}
	return nil
}

func contains(documents []fairlead.Document, id fairlead.DocumentID) bool {
	for i := range documents {
		if documents[i].ID == id {
			return true
		}
	}
	return false
}

// loadDocument brings a document's vectors into memory, in the place of those that are
// there. Where some are missing, it notes that in the store.
func (k *Keeper) loadDocument(ctx context.Context, r *space, d *fairlead.Document) error {
	r.remove(d.Number)
	n := 0
	err := k.eachVector(ctx, d, func(list []fairlead.Embedding) error {
		n += len(list)
		return r.add(d.Number, list)
	})
	if err != nil {
		return err
	}
	if n < d.Chunks && !d.EmbeddingPending {
		return k.config.Embeddings.SetEmbeddingPending(ctx, d.App, d.ID, fairlead.EmbeddingState{Pending: true})
	}
	return nil
}

// eachVector calls take with the vectors that the store has of a document, but for those
// that can't be compared with the others.
func (k *Keeper) eachVector(ctx context.Context, d *fairlead.Document, take func(list []fairlead.Embedding) error) error {
	of := fairlead.EmbeddingRange{Space: k.config.Embed.space(), Limit: pageOfVectors}
	for {
		list, err := k.config.Embeddings.DocumentEmbeddings(ctx, d.App, d.ID, of)
		if err != nil {
			return fmt.Errorf("read a document's embeddings: %w", err)
		}
		n, fit := len(list), list[:0]
		for _, v := range list {
			of.After = v.Chunk
			if vectors.Comparable(v.Vector, k.length.now()) == nil {
				fit = append(fit, v)
			}
		}
		if err := take(fit); err != nil {
			return err
		}
		if n < of.Limit {
			return nil
		}
	}
}

// embed makes the vectors that a document lacks, and brings them into memory.
func (k *Keeper) embed(ctx context.Context, d *fairlead.Document) error {
	has := make(map[int64]bool)
	err := k.eachVector(ctx, d, func(list []fairlead.Embedding) error {
		for _, v := range list {
			has[v.Chunk] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	for seq := 0; ; {
		chunks, err := k.config.Chunks.Chunks(ctx, d.App, d.ID, seq, batch)
		if err != nil {
			return fmt.Errorf("read a document's chunks: %w", err)
		}
		if len(chunks) == 0 {
			break
		}
		seq = chunks[len(chunks)-1].Seq + 1
		var wanted []fairlead.Chunk
		for i := range chunks {
			if !has[chunks[i].Number] {
				wanted = append(wanted, chunks[i])
			}
		}
		if err := k.embedChunks(ctx, d, wanted); err != nil {
			return err
		}
	}
	if err := k.loadDocument(ctx, k.space(d.App), d); err != nil {
		return err
	}
	return k.config.Embeddings.SetEmbeddingPending(ctx, d.App, d.ID, fairlead.EmbeddingState{})
}

// embedChunks makes and stores the vectors of chunks.
func (k *Keeper) embedChunks(ctx context.Context, d *fairlead.Document, chunks []fairlead.Chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	texts := make([]string, len(chunks))
	for i := range chunks {
		c := &chunks[i]
		texts[i] = ask.Shortened(ask.Described(d.About.Title, c.Section, c.Context, c.Text), mostEmbedded)
	}
	var list [][]float32
	err := k.config.Errand(ctx, d.App, fairlead.Embed, func(ctx context.Context, call *fairlead.Call) error {
		var err error
		list, err = k.vectors(ctx, call, texts)
		return err
	})
	if err != nil {
		return err
	}
	made := make([]fairlead.Embedding, len(list))
	for i, v := range list {
		made[i] = fairlead.Embedding{Chunk: chunks[i].Number, Vector: v}
	}
	return k.config.Embeddings.PutEmbeddings(ctx, d.App, d.ID, k.config.Embed.space(), made)
}

// know makes room for the apps that have documents, and learns how long their vectors are.
func (k *Keeper) know(ctx context.Context) bool {
	apps, err := k.config.Selector.DocumentApps(ctx)
	if err != nil {
		k.complain(ctx, "apps with documents not read", "", err)
		return false
	}
	for _, app := range apps {
		k.space(app)
	}
	if err := k.measure(ctx); err != nil {
		k.complain(ctx, "embeddings not read", "", err)
		return false
	}
	return true
}

// eachReady calls take with the app's documents that are ready.
func (k *Keeper) eachReady(ctx context.Context, app fairlead.AppID, take func(d *fairlead.Document) error) error {
	for after := int64(0); ; {
		documents, err := k.config.Selector.ReadyDocuments(ctx, app, after, pageOfDocuments)
		if err != nil {
			return fmt.Errorf("read which documents are ready: %w", err)
		}
		for i := range documents {
			after = max(after, documents[i].Number)
			if err := take(&documents[i]); err != nil {
				return err
			}
		}
		if len(documents) < pageOfDocuments {
			return nil
		}
	}
}

// complain logs what went wrong, but for the end of the program.
func (k *Keeper) complain(ctx context.Context, message string, app fairlead.AppID, err error) {
	if ctx.Err() == nil {
		k.config.Logger.Warn(message, slog.String("app", string(app)), slog.Any("error", err)) //nolint:sloglint // the messages are constants, at each call
	}
}
