// Package local is being filled in; its signatures are final.
package local

import (
	"context"

	"github.com/fairleadhq/fairlead"
)

type Provider struct{}

func New() *Provider { return &Provider{} }

func (p *Provider) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	return nil
}

func (p *Provider) Models(ctx context.Context) ([]string, error) { return []string{"offline"}, nil }
