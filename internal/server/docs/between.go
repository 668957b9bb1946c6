package docs

import (
	"context"
	"io"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/documents"
)

// receiver is the library as those who receive uploads know it.
type receiver struct{ library *documents.Library }

// Upload implements library.Receiver.
func (r receiver) Upload(ctx context.Context, app *fairlead.App, file io.Reader, rest func() (library.Details, error)) (
	fairlead.Document, bool, error,
) {
	return r.library.Upload(ctx, app, documents.Upload{Body: file, Rest: func(u *documents.Upload) error {
		details, err := rest()
		u.Name, u.Purpose, u.Metadata = details.Name, details.Purpose, details.Metadata
		return err
	}})
}

// Wait implements library.Receiver.
func (r receiver) Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, most time.Duration) (fairlead.Document, error) {
	return r.library.Wait(ctx, app, id, most)
}
