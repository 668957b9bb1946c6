package main

import (
	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/documents/search/indexer"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/formats"
	"github.com/fairleadhq/fairlead/internal/extract/pdf"
	"github.com/fairleadhq/fairlead/internal/extract/worker"
	"github.com/fairleadhq/fairlead/internal/language"
	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

// extractWorker is the command of the child processes that read documents. People have
// no use for it.
func (p *program) extractWorker() *cobra.Command {
	var o pdf.Options
	cmd := &cobra.Command{
		Use:    worker.Command,
		Short:  "Read one document for the service, which starts this itself",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := worker.Serve(cmd.Context(), cmd.InOrStdin(), p.out, reading(pdf.New(o))); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.CacheDir, worker.CacheFlag, "", "directory of compiled code")
	cmd.Flags().Int64Var(&o.Memory, worker.MemoryFlag, pdf.DefaultMemory, "most memory for PDFium, in bytes")
	return cmd
}

// indexWorker is the command of the child process that makes segments of the search index.
// People have no use for it either.
func (p *program) indexWorker() *cobra.Command {
	return &cobra.Command{
		Use:    indexer.Command,
		Short:  "Make segments of the search index for the service, which starts this itself",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := indexer.Serve(cmd.Context(), cmd.InOrStdin(), p.out); err != nil {
				return failed(err)
			}
			return nil
		},
	}
}

// reading is how the child reads: whatever the format, into canonical text and chunks.
func reading(x *pdf.Extractor) worker.Pipeline {
	readers := formats.Readers{PDF: x}
	return worker.Pipeline{
		Prepare: x.Prepare,
		Choose: func(src *extract.Source) (string, extract.Extractor, error) {
			found, err := readers.For(src)
			return found.MediaType, found.Extractor, err
		},
		NewBuilder: func(src *extract.Source, emit func(fairlead.DocumentContent) error) worker.Builder {
			return builder{chunk.New(chunk.Config{
				Limits: src.Limits, Counter: new(tiktoken.Counter), Language: language.NewDetector().Detect,
			}, emit)}
		},
	}
}

// builder is the builder of chunks as the child knows it.
type builder struct{ *chunk.Builder }

// Close implements worker.Builder.
func (b builder) Close(about fairlead.About) (worker.Sum, error) {
	b.Know(about)
	t, err := b.Builder.Close()
	return worker.Sum{About: t.About, Pages: t.Pages, Chunks: t.Chunks, TextBytes: t.TextBytes}, err
}
