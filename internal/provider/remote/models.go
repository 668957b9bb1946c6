package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Bounds of a list of models.
const (
	maxModelsBody = 1 << 20
	maxModels     = 5000
)

// Models returns the names of the models that the upstream lists, in its
// order. It blocks for one request under the provider's limits. Errors are
// those of Answer; a list of more than 1 MiB or 5,000 names is not understood.
func (p *Provider) Models(ctx context.Context) ([]string, error) {
	var names []string
	err := p.fly(ctx, 0, func(ctx context.Context, _ *clock) error {
		resp, err := p.send(ctx, outgoing{method: http.MethodGet, path: p.language.ModelsPath})
		if err != nil {
			return err
		}
		defer resp.Close()
		body, err := io.ReadAll(io.LimitReader(resp, maxModelsBody+1))
		if err != nil {
			return brokenOff(err)
		}
		names, err = readModels(body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

func readModels(body []byte) ([]string, error) {
	if len(body) > maxModelsBody {
		return nil, invalidAnswer(errors.New("the list of models is too long"))
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, invalidAnswer(errors.New("the list of models is not one"))
	}
	if list.Data == nil {
		return nil, invalidAnswer(errors.New("the list of models has no data"))
	}
	if len(list.Data) > maxModels {
		return nil, invalidAnswer(fmt.Errorf("the list has more than %d models", maxModels))
	}
	names := make([]string, 0, len(list.Data))
	for _, model := range list.Data {
		if model.ID != "" {
			names = append(names, model.ID)
		}
	}
	return names, nil
}
